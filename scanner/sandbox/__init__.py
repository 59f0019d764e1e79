"""Decoders: processes that may crash, hang or be killed without harm to the run. They know no kind of media.

``pool``: hands out work and keeps the order. ``work``: what is known of each file on its way. ``decoder``: the run's
handle on one process. ``launch``: how it is started. ``worker``: that process. ``protocol``: what the two say to each
other. ``ring``: the memory through which pictures travel. ``blame``: what the end of a decoder means for what it had in
hand. ``scaling``: how many decoders there are. ``read_ahead``: candidates, read while decoders are at work.
``stderr_log``: what decoders print.
"""
