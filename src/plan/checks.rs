//! The independent check of every plan.
