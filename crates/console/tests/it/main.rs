//! The console as a browser sees it: the real router over a store in memory. Cases are named by their numbers.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

mod html;
mod support;

mod access;
mod forms;
mod headers;
mod hostile;
mod journeys;
mod walk;
