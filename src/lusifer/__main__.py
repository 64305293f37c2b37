"""`python -m lusifer`, which launchers such as `accelerate launch -m lusifer` and `torchrun -m
lusifer` start.
"""

from lusifer.cli import main

if __name__ == "__main__":
    main()
