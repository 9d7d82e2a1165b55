"""What each dataset is, where it lies, its verification; images in memory as 8-bit tensors.

``spec`` describes the datasets and needs no torch; ``library`` finds, fetches and loads them; one module per dataset
knows its publisher's layouts and files.
"""
