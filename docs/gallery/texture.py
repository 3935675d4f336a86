"""A texture without seams

Blocks of a picture, cut where they agree; the left half and the right half are the same tile.
"""

from inputs import SIZE, painting, row, save

import stylespace as ss

half = SIZE // 2
tile = ss.texture(painting("waves").resize((half, half)), size=(half, half), tile=True).picture
save(row(tile, tile))
