//! Sending prepared messages allocates nothing, but for the compressed ones that nobody has needed before.

use ws_proto::{Config, Connection, FixedBuf, Negotiated, PreparedMessage, Role};
use ws_proto_suite::heap::Region;

fn send<R: Role>(connection: &mut Connection<R>, message: &PreparedMessage<&[u8]>) {
    let mut out = FixedBuf::<8192>::new();
    connection.send_prepared(message, &mut out).unwrap();
    assert!(out.pending().len() > 4000);
}

#[test]
fn a_plain_one_allocates_nothing() {
    let data = [7; 4000];
    let mut server = Connection::server(Negotiated::new(), Config::new());
    let mut client = Connection::client(Negotiated::new(), Config::new(), || [1, 2, 3, 4]);
    let region = Region::new();
    let message = PreparedMessage::<&[u8]>::binary(&data);
    for _ in 0..10 {
        send(&mut server, &message);
        send(&mut client, &message);
        let [header, payload] = server.frame_prepared(&message).unwrap();
        assert_eq!((header.len(), payload.as_ptr()), (4, data.as_ptr()));
    }
    let change = region.change();
    assert_eq!((change.allocations, change.reallocations), (0, 0));
}

/// The compressor is given back at once, and only the first of each window needs one.
#[cfg(feature = "deflate")]
#[test]
fn a_compressed_one_is_allocated_once() {
    use std::sync::Arc;
    use ws_proto::extension::deflate::{Deflate, DeflateParams};

    let message = PreparedMessage::<Arc<[u8]>>::binary(vec![7; 4000].into());
    let params = DeflateParams::new();
    let (encoder, _) = Deflate::new().server(params);
    let sent = |connections: usize| {
        let region = Region::new();
        for _ in 0..connections {
            let mut connection = Connection::server(params.negotiated(), Config::new());
            let mut out = FixedBuf::<64>::new();
            let [_, payload] = encoder.frame_prepared(&mut connection, &message).unwrap();
            assert!(payload.len() < 50);
            encoder
                .send_prepared(&mut connection, &message, &mut out)
                .unwrap();
        }
        region.change()
    };
    let first = sent(1);
    assert!(first.allocations > 0 && first.held() < 300, "{first:?}");
    let others = sent(10);
    assert_eq!((others.allocations, others.reallocations), (0, 0));
}
