"""NVIDIA TensorRT: engines are built on the device that will run them, kept beside the bundle, and run from there.

No module here imports ``tensorrt`` or ``cuda`` before it is used.

    runner.py     the backend: an engine -> logits and features
    device.py     the GPU, its memory, streams and graphs
    engines.py    the cache of engines, and the record of what each was built for
    compile.py    a bundle's networks -> engines
    precisions.py which precisions are compiled
    build.py      one ONNX file -> one engine
    progress.py   the progress of a build
    log.py        TensorRT's log
    api.py        importing the two packages; the classes of their objects
"""
