"""Match: which reports are one bug, by proof or by a person, and which only look alike."""
