//! Garbage on a remote goes, and nothing else, whoever is at work beside it.

mod beside;
mod bound;
mod program;
mod rules;
mod way_back;
mod world;
