"""Speed and memory, side by side with peers in one run: `make bench`, or `python -m benchmarks [NAME...]`.

Only ratios are judged, since machines differ; every figure that README and CHANGELOG state is printed here.
"""
