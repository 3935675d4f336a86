"""Films and frame folders in and out; all of PyAV."""
