"""What a style is: pictures with weights, regions, parts of pictures, the space of all blends."""
