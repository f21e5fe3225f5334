"""NVIDIA TensorRT: engines built on the device that will run them, kept beside the bundle, and run from there.

Nothing here imports ``tensorrt`` or ``cuda`` before it is used.

    choice.py     which precisions are compiled
    compile.py    a bundle's networks -> engines
    build.py      one ONNX file -> one engine
    progress.py   how far the build has come
    engines.py    the cache: what an engine was built from and for
    runner.py     an engine -> logits and features
    device.py     the GPU, its memory and streams
    log.py        what TensorRT says
    api.py        the packages that are reached for
"""
