"""The memory of what was verified by published checksums: images, and keys of downloaded files.

A data folder, which may come from strangers, cannot vouch for itself. What is not remembered is verified each time.
"""

from harness.user_memory import UserMemory

VERIFIED = UserMemory("verified")
