"""The host half: data, adaptation, export and quantization. torch lives here and nowhere else."""
