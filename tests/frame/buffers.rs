//! The caller's buffers: cursors, arrays and bounded vectors behave as queues of bytes.

extern crate alloc;

use alloc::collections::VecDeque;

use proptest::prelude::*;
use ws_proto::frame::{EncodedHeader, Header, Mask, Opcode};
use ws_proto::{CapacityError, FixedBuf, Input, Limited, MessageStorage, Output, Storage};
use ws_proto_suite::*;

#[test]
fn an_input_is_consumed_from_the_front() {
    let mut bytes = *b"abcdef";
    let mut input = Input::new(&mut bytes);
    assert_eq!((input.len(), input.is_empty()), (6, false));
    let taken = input.take(2);
    taken[0] = b'X';
    assert_eq!((input.bytes(), input.len()), (&b"cdef"[..], 4));
    assert_eq!(input.take(0), b"");
    assert_eq!(input.take(100), b"cdef", "no more than there is");
    assert!(input.is_empty());
    assert_eq!(input.take(1), b"");
    assert_eq!(&bytes, b"Xbcdef", "the caller's buffer itself");

    let mut input = Input::from(&mut bytes[..]);
    input.take(4);
    assert_eq!(input.into_bytes(), b"ef");
    assert!(Input::default().is_empty());
}

/// What was taken outlives the cursor's next step.
#[test]
fn pieces_taken_from_an_input_live_side_by_side() {
    let mut bytes = *b"abcdef";
    let mut input = Input::new(&mut bytes);
    let (one, two) = (input.take(2), input.take(3));
    one.swap_with_slice(&mut two[..2]);
    assert_eq!(&bytes, b"cdabef");
}

#[test]
fn a_fixed_buffer_drops_what_has_no_room_and_stores_all_or_nothing() {
    let mut buf = FixedBuf::<4>::new();
    buf.put(b"abcdef");
    assert_eq!((buf.pending(), buf.room()), (&b"abcd"[..], 0));
    assert_eq!(buf.store(b"x"), Err(CapacityError));
    assert_eq!(buf.bytes(), b"abcd", "unchanged");
    buf.consume(1);
    assert_eq!(buf.store(b"xy"), Err(CapacityError));
    assert_eq!(buf.store(b"x"), Ok(()));
    assert_eq!(buf.bytes(), b"bcdx", "moved to the front to make room");
    buf.consume(100);
    assert!(buf.is_empty() && buf.room() == 4);
    assert_eq!(buf.store(b""), Ok(()));
    Storage::clear(&mut buf);
    assert_eq!(buf.pending(), b"");

    let mut none = FixedBuf::<0>::new();
    none.put(b"a");
    assert_eq!(
        (none.room(), none.store(b"a"), none.store(b"")),
        (0, Err(CapacityError), Ok(()))
    );
    assert_eq!(none.last_mut(3), b"");
    assert!(FixedBuf::<3>::default().is_empty());
}

#[test]
fn the_last_bytes_are_those_still_pending() {
    fn check(out: &mut (impl Sink + ?Sized)) {
        out.put(b"abc");
        out.put(b"def");
        out.last_mut(2).copy_from_slice(b"EF");
        assert_eq!(out.pending(), b"abcdEF");
        out.consume(5);
        assert_eq!(out.last_mut(100), b"F", "what is gone cannot be changed");
        assert_eq!(out.last_mut(0), b"");
        out.consume(1);
        assert_eq!(out.last_mut(1), b"");
    }
    check(&mut FixedBuf::<10>::new());
    check(&mut Limited::new(10));
    check(&mut Vec::new());
}

#[test]
fn a_vector_is_endless_output_and_storage() {
    let mut out = vec![1, 2];
    assert_eq!(out.room(), isize::MAX as usize - 2);
    out.put(&[3]);
    assert_eq!(out.store(&[4, 5]), Ok(()));
    assert_eq!(out.bytes(), [1, 2, 3, 4, 5]);
    Storage::clear(&mut out);
    assert!(out.is_empty());
}

#[test]
fn references_to_buffers_are_buffers() {
    fn fill<T: Output + Storage>(mut to: T) -> usize {
        to.put(b"ab");
        to.store(b"c").unwrap();
        to.last_mut(1)[0] = b'C';
        assert_eq!(to.bytes(), b"abC");
        let room = to.room();
        Storage::clear(&mut to);
        room
    }
    let mut buf = FixedBuf::<5>::new();
    assert_eq!(fill(&mut buf), 2);
    assert!(buf.is_empty());
    let object: &mut dyn Output = &mut buf;
    object.put(b"dyn");
    assert_eq!(buf.pending(), b"dyn");

    fn frame<O: Output>(mut to: O) {
        to.put_frame(header(1, None), &[7], None);
    }
    buf.clear();
    frame(&mut buf);
    assert_eq!(buf.pending(), [0x82, 1, 7]);

    fn announce<O: Output>(mut to: O) {
        to.reserve(100);
    }
    let mut endless = Vec::new();
    announce(&mut endless);
    assert!(endless.is_empty());
    assert!(endless.capacity() >= 100);
}

#[test]
fn a_limited_buffer_has_a_high_water_mark_and_gives_memory_back() {
    let mut out = Limited::new(10);
    assert_eq!(out.capacity(), 0, "nothing is allocated beforehand");
    out.put(b"0123456789abc");
    assert_eq!((out.pending(), out.room()), (&b"0123456789"[..], 0));
    out.consume(4);
    assert_eq!(out.room(), 4);
    out.put(b"xyz");
    assert_eq!((out.pending(), out.room()), (&b"456789xyz"[..], 1));
    out.release();
    assert_eq!(out.pending(), b"456789xyz");
    out.consume(9);
    assert!(out.is_empty());
    out.release();
    assert_eq!(out.capacity(), 0);
}

/// What a peer takes slowly is moved to the front now and then only, so there is twice the room. More than that
/// is never allocated.
#[test]
fn a_limited_output_allocates_twice_its_limit_at_most() {
    for limit in [1000, 1 << 20] {
        for first in [limit / 3, limit * 19 / 20, limit] {
            for step in [limit / 100, limit / 7, limit / 2 - 1] {
                let mut out = Limited::new(limit);
                out.put(&vec![1; first]);
                for _ in 0..200 {
                    out.consume(step);
                    out.put(&vec![1; out.room()]);
                    assert_eq!(out.pending().len(), limit);
                    assert!(out.capacity() <= 2 * limit, "{} of {limit}", out.capacity());
                }
            }
        }
    }
}

/// Drained a byte at a time for ever, it stays as small as its mark allows.
#[test]
fn a_limited_buffer_does_not_keep_what_was_consumed() {
    let mut out = Limited::new(1000);
    out.put(&[0; 900]);
    for n in 0..100_000_u32 {
        out.put(&[n as u8]);
        out.consume(1);
    }
    assert_eq!(out.pending().len(), 900);
    assert!(out.capacity() <= 2 * 1000, "{}", out.capacity());
}

#[test]
fn what_is_shown_for_debugging_is_not_the_content() {
    let mut fixed = FixedBuf::<8>::new();
    fixed.put(b"secret");
    let mut limited = Limited::new(8);
    limited.put(b"secret");
    assert_eq!(format!("{fixed:?}"), "FixedBuf { capacity: 8, len: 6 }");
    assert_eq!(format!("{limited:?}"), "Limited { limit: 8, len: 6 }");
}

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<u8>),
    PutFrame(Vec<u8>, Option<[u8; 4]>),
    Reserve(usize),
    Consume(usize),
    Invert(usize),
    Release,
}

fn any_step() -> impl Strategy<Value = Step> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        bytes().prop_map(Step::Put),
        (bytes(), any::<Option<[u8; 4]>>()).prop_map(|(bytes, key)| Step::PutFrame(bytes, key)),
        (0..50_usize).prop_map(Step::Reserve),
        (0..50_usize).prop_map(Step::Consume),
        (0..50_usize).prop_map(Step::Invert),
        Just(Step::Release),
    ]
}

/// Memory that is enough for a frame is left as it is.
#[test]
fn a_vec_of_the_right_size_is_not_allocated_anew() {
    for len in [0, 5, 14, 200] {
        let whole = frame(&vec![7; len], None).len();
        let mut vec = Vec::with_capacity(whole);
        vec.put_frame(header(len, None), &vec![7; len], None);
        assert_eq!((vec.len(), vec.capacity()), (whole, whole));
    }
}

fn header(len: usize, key: Option<[u8; 4]>) -> EncodedHeader {
    let header = Header::new(Opcode::Binary, len as u64);
    key.map_or(header, |key| header.masked(key)).encode()
}

fn frame(payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let masked = wire::masked(payload, key.unwrap_or_default());
    [&header(payload.len(), key)[..], &masked].concat()
}

/// The same steps on a queue: what fits of each `put`, in order.
fn behaves_as_a_queue(out: &mut impl Sink, limit: usize, steps: &[Step]) {
    let mut model = VecDeque::<u8>::new();
    for step in steps {
        match step {
            Step::Put(bytes) => {
                out.put(bytes);
                let fits = bytes.len().min(limit - model.len());
                model.extend(&bytes[..fits]);
            }
            Step::PutFrame(bytes, key) => {
                out.put_frame(header(bytes.len(), *key), bytes, *key);
                let frame = frame(bytes, *key);
                let fits = frame.len().min(limit - model.len());
                model.extend(&frame[..fits]);
            }
            Step::Reserve(n) => out.reserve(*n),
            Step::Release => out.release(),
            Step::Consume(n) => {
                let n = (*n).min(model.len());
                out.consume(n);
                model.drain(..n);
            }
            Step::Invert(n) => {
                out.last_mut(*n).iter_mut().for_each(|byte| *byte = !*byte);
                model
                    .iter_mut()
                    .rev()
                    .take(*n)
                    .for_each(|byte| *byte = !*byte);
            }
        }
        assert!(model.iter().eq(out.pending()));
        assert_eq!(out.room(), limit - model.len());
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn outputs_are_queues(steps in proptest::collection::vec(any_step(), 0..60)) {
        behaves_as_a_queue(&mut FixedBuf::<64>::new(), 64, &steps);
        behaves_as_a_queue(&mut Limited::new(64), 64, &steps);
        behaves_as_a_queue(&mut Limited::new(1), 1, &steps);
        behaves_as_a_queue(&mut FixedBuf::<0>::new(), 0, &steps);
        behaves_as_a_queue(&mut Limited::new(0), 0, &steps);
    }
}

/// Every length that is masked in another way, at every place in a word; what does not fit is left out.
#[test]
fn what_is_masked_on_its_way_is_what_is_masked_byte_by_byte() {
    let bytes: Vec<u8> = (0..300u16).map(|n| (n * 7) as u8).collect();
    let key = [0x81, 0x42, 0x24, 0x18];
    for len in 0..=bytes.len() {
        for before in 0..9 {
            let (bytes, key) = (&bytes[..len], Some(key));
            let header = header(len, key);
            let expected = [&[0; 9][..before], &frame(bytes, key)].concat();
            for room in [400, before + len, before + len / 2] {
                let expected = &expected[..room.min(expected.len())];
                let mut limited = Limited::new(room);
                limited.put(&[0; 9][..before]);
                limited.put_frame(header, bytes, key);
                assert_eq!(limited.pending(), expected, "{len} behind {before}");
            }
            let mut fixed = FixedBuf::<200>::new();
            fixed.put(&[0; 9][..before]);
            fixed.put_frame(header, bytes, key);
            assert_eq!(fixed.pending(), &expected[..200.min(expected.len())]);
            let mut vec = vec![0; before];
            vec.put_frame(header, bytes, key);
            assert_eq!(vec, expected);
            let start = before + header.len();
            let mut place = [&[0; 9][..before], &header, bytes].concat();
            Mask::new(key.unwrap()).apply(&mut place[start..]);
            assert_eq!(place, expected);
        }
    }
}

/// Memory is allocated for bytes that fit, not for an announced length.
#[test]
fn a_limited_buffer_reserves_no_more_than_its_limit() {
    let mut out = Limited::new(1000);
    out.put(b"abc");
    out.reserve(usize::MAX);
    assert!(out.capacity() <= 2 * 1000, "{}", out.capacity());
    assert_eq!((out.pending(), out.room()), (&b"abc"[..], 997));
}

/// A storage with the required methods only.
#[derive(Default)]
struct Bare(Vec<u8>);

impl Storage for Bare {
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn store(&mut self, bytes: &[u8]) -> Result<(), CapacityError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

impl MessageStorage for Bare {}

/// Gives the length of the slice that was offered, `None` if there was none.
fn offered(storage: &mut dyn MessageStorage, most: usize, bytes: &[u8]) -> Option<usize> {
    let mut offered = None;
    storage.store_with(most, &mut |to| {
        offered = Some(to.len());
        to[..bytes.len()].copy_from_slice(bytes);
        bytes.len()
    });
    offered
}

#[test]
fn what_is_written_into_storage_is_stored() {
    let mut vec = Vec::new();
    assert_eq!(offered(&mut vec, 10, b"abc"), Some(10));
    assert_eq!(offered(&mut &mut vec, 4, b""), Some(4));
    assert_eq!(offered(&mut vec, 2, b"de"), Some(2));
    assert_eq!(offered(&mut vec, 0, b""), None);
    assert_eq!(vec, b"abcde");

    let mut fixed = FixedBuf::<8>::new();
    assert_eq!(offered(&mut fixed, 5, b"abcd"), Some(5));
    assert_eq!(offered(&mut fixed, 100, b"efg"), Some(4));
    fixed.consume(3);
    assert_eq!(offered(&mut fixed, 3, b"hij"), Some(3));
    assert_eq!(Storage::bytes(&fixed), b"defghij");
    assert_eq!(offered(&mut fixed, 3, b"k"), Some(1));
    assert_eq!(offered(&mut fixed, 3, b""), None);
    assert_eq!(Storage::bytes(&fixed), b"defghijk");

    let mut bare = Bare::default();
    assert_eq!(offered(&mut bare, 5, b""), None);
    assert!(bare.bytes().is_empty());
}

/// One that says it wrote more than there is room for gets no more than that.
#[test]
fn no_more_is_stored_than_there_is_room_for() {
    let mut vec = b"ab".to_vec();
    vec.store_with(3, &mut |_| usize::MAX);
    assert_eq!(vec.len(), 5);
    let mut fixed = FixedBuf::<4>::new();
    fixed.store_with(9, &mut |_| usize::MAX);
    assert_eq!(Storage::bytes(&fixed).len(), 4);
}
