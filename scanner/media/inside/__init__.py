"""What is inside archives and documents: members, each with a row of its own. Runs in the sandbox; nothing is written.

``walker``: from a container to its members, however deep, within a ``budget``. ``zips``, ``tars``, ``seven_zips``,
``pdfs``: one kind each, from an open file to entries (``entry``). ``opener``: the kind of media that containers are.
``reader``: a member as a file in an opener's hands.
"""
