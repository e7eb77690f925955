"""Texts as texts: their dress, what makes every character count, words, and fixed kinds of them."""
