"""Networks as ONNX files, and a runtime without PyTorch."""
