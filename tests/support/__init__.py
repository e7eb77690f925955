"""What tests share: doubles, worlds and builders, one noun a module.

`played_runs` builds runs of pure values, `gated_models` a server whose model a test holds back,
`processes` and `shells` run the program, `raw_servers` and `networks` answer over sockets. Tests
import from here and never from one another.
"""
