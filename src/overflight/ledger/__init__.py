"""The log of what went in and what came out: append-only, hashed into a Merkle tree, provable to others."""
