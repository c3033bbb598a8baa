//! Events: one binary record, CloudEvents names, JSON in and out, topics and patterns.
