//! What a row is.

/// A row of the table.
pub struct Row {
    pub name: String,
    /// How many messages, handshakes or whatever the count is for.
    pub units: u64,
    /// Payload bytes of one unit, 0 if there is no sense in that.
    pub bytes: u64,
    /// The row that does the least for the same bytes.
    pub floor: Option<String>,
    pub setup: Box<dyn FnOnce() -> Box<dyn Work>>,
}

/// A piece of work that can be done again.
pub trait Work {
    /// Makes the input anew; not counted.
    fn refill(&mut self);
    /// What is counted.
    fn run(&mut self);
    /// What else is to be known of the last `run`, for [`Count::report`](crate::callgrind::Count).
    fn report(&self) -> String {
        String::new()
    }
}

#[allow(dead_code, reason = "not every package has such work")]
struct Parts<S, F, R> {
    state: S,
    refill: F,
    run: R,
}

impl<S, F: FnMut(&mut S), R: FnMut(&mut S)> Work for Parts<S, F, R> {
    fn refill(&mut self) {
        (self.refill)(&mut self.state);
    }

    fn run(&mut self) {
        (self.run)(&mut self.state);
    }
}

/// Work on `state`.
#[allow(dead_code, reason = "not every package has such work")]
pub fn work<S: 'static>(
    state: S,
    refill: impl FnMut(&mut S) + 'static,
    run: impl FnMut(&mut S) + 'static,
) -> Box<dyn Work> {
    Box::new(Parts { state, refill, run })
}

impl Row {
    pub fn new(
        name: impl Into<String>,
        units: usize,
        bytes: usize,
        setup: impl FnOnce() -> Box<dyn Work> + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            units: units as u64,
            bytes: bytes as u64,
            floor: None,
            setup: Box::new(setup),
        }
    }

    pub fn floor(mut self, name: impl Into<String>) -> Self {
        self.floor = Some(name.into());
        self
    }
}
