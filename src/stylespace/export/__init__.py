"""Networks as ONNX files, and what runs them without PyTorch."""
