"""What must survive a step or the process: the journal of long work, scratch files, atomic writing, memory."""
