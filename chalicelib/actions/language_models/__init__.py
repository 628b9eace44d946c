"""The two ways in which language models are asked over HTTP, one file each."""
