"""What a trainer reads: key frames of a store as tensors, in an order that a seed gives."""
