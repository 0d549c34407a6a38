//! Makes a failing input small.

/// The smallest input found that still fails: pieces are cut out, then bytes made plain.
pub(crate) fn shrink(mut input: Vec<u8>, plain: u8, fails: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut step = input.len().div_ceil(2);
    while step > 0 {
        let mut at = 0;
        let mut cut = false;
        while at < input.len() {
            let mut less = input.clone();
            less.drain(at..input.len().min(at + step));
            if fails(&less) {
                input = less;
                cut = true;
            } else {
                at += step;
            }
        }
        if !cut || step > 1 {
            step /= 2;
        }
    }
    for at in 0..input.len() {
        let mut plainer = input.clone();
        plainer[at] = plain;
        if plainer != input && fails(&plainer) {
            input = plainer;
        }
    }
    input
}

/// `bytes` as a Rust byte string.
pub(crate) fn literal(bytes: &[u8]) -> String {
    format!("b\"{}\"", bytes.escape_ascii())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x} ")).collect()
}
