"""What several tests need: a small library of native kernels, providers made of kernels, ABI structures."""
