"""Files for TensorFlow Lite Micro: run there, compared with LiteRT, and written as C++ source."""
