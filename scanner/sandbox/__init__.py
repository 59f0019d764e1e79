"""Decoders: processes that may crash, hang or be killed without harm to the run. They know no kind of media.

``pool``: the run's side. ``worker``: the process. ``protocol``: what the two say to each other. ``ring``: the memory
through which pixels travel. ``read_ahead``: candidates, read while decoders are at work.
"""
