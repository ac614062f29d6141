"""Access: who may use a model before its release, for thirty days, so that both sides can prove it.

    offer → admit → grant → serve → close
    Window → Admission → Grant → Receipt → Closure

Voluntary by law: nothing here licenses anybody or decides whether a model may be released.
"""
