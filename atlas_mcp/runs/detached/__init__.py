"""The engine whose runs outlive this process: a process of its own drives them."""
