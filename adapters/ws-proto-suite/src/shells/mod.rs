//! Test bodies that each asynchronous shell plays with its runtime.
#![allow(
    missing_docs,
    clippy::missing_panics_doc,
    reason = "only this workspace uses it"
)]

pub mod auto_traits;
pub mod byte_stream;
pub mod cancel;
pub mod connection;
pub mod deflate;
pub mod example;
pub mod halves;
pub mod hand;
pub mod handshake;
pub mod matrix;
pub mod messages;
#[cfg(feature = "network")]
pub mod network;
mod pairs;
pub mod reconnecting;

use std::future::Future;

use ws_proto_async::{Config, Io, Options};

/// A stream for every runtime.
pub trait Stream:
    futures_io::AsyncRead
    + futures_io::AsyncWrite
    + tokio::io::AsyncRead
    + tokio::io::AsyncWrite
    + Unpin
    + Send
    + 'static
{
}

impl Stream for ws_proto_test::stream::End {}
impl Stream for ws_proto_test::stream::Endless {}
impl Stream for ws_proto_test::stream::Script {}

/// A runtime with its shell.
pub trait Runtime {
    /// A stream with the clock and the timer of the runtime.
    type Io<S: Stream>: Io<Stream = S> + Send + 'static;

    fn io<S: Stream>(stream: S) -> Self::Io<S>;

    fn run<T>(test: impl Future<Output = T>) -> T;

    /// Starts a task. Waiting for it gives its result.
    fn spawn<T: Send + 'static>(
        task: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T>;
}

/// No keepalive.
pub fn quiet() -> Options {
    Options::new().config(Config::new().keepalive(None))
}

/// Makes a test of each body of [`auto_traits`] for a [`Runtime`] and a `Network`, and of the futures of a shell's own
/// functions.
#[cfg(feature = "network")]
#[macro_export]
macro_rules! test_auto_traits {
    ($runtime:ty, $network:ty, $shell:ident) => {
        $crate::test_auto_traits! { $runtime:
            values_go_to_any_thread
            errors_are_errors_of_any_program
            futures_go_to_any_thread
        }

        #[test]
        fn a_client_goes_to_any_thread() {
            $crate::shells::auto_traits::a_client_goes_to_any_thread::<$network>();
        }

        #[test]
        fn streams_of_the_network_go_to_any_thread() {
            fn is_free<T: Send + Sync + Unpin>() {}
            is_free::<$shell::WebSocket<$shell::ClientStream>>();
        }

        #[test]
        fn futures_of_the_functions_go_to_any_thread() {
            fn is_send<T: Send>(_: T) {}
            // Never called: the compiler checks it.
            let _ = |[one, two, three, four]: [$crate::shells::auto_traits::End; 4]| {
                is_send($shell::accept(one));
                is_send($shell::accept_with(two, $shell::Acceptor::new()));
                is_send($shell::read_request(three, $shell::Options::new()));
                is_send($shell::connect_over(four, "ws://localhost/"));
                is_send($shell::connect("ws://localhost/"));
            };
        }
    };
    ($runtime:ty: $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                $crate::shells::auto_traits::$name::<$runtime>();
            }
        )*
    };
}

/// Makes a test of each body of [`connection`] for a [`Runtime`].
#[macro_export]
macro_rules! test_connection {
    ($runtime:ty) => {
        $crate::test_connection! { $runtime:
            a_burst_is_answered_in_one_write
            a_burst_is_answered_in_one_write_by_batches
            pings_are_answered_in_one_write
            what_is_fed_is_written_when_much_waits
            a_message_waits_for_the_answer_to_an_earlier_ping
            closing_the_sink_leaves_what_comes_to_the_stream
            closing_a_half_leaves_what_comes_to_the_other
            a_manual_close_is_the_end_of_receiving_only
            the_close_of_the_peer_is_an_event
            events_wait_while_the_program_sends
            a_failed_write_is_explained_by_the_close_of_the_peer
            a_failed_write_leaves_messages_and_is_reported_once
            a_claimed_length_allocates_nothing
            the_task_of_a_connection_is_small
            an_idle_connection_holds_little
            a_stream_that_always_has_more_is_timed
            a_stream_that_always_has_more_lets_others_run
            whatever_is_sent_a_stream_that_always_has_more_lets_others_run
            a_handshake_ends_in_time_whatever_comes
            a_request_ends_in_time_whatever_comes
            messages_are_lent_in_order_with_every_other_way
            a_batch_can_be_left_and_waits_for_room
            one_prepared_message_goes_to_all
            a_blocked_connection_keeps_the_rest_of_a_prepared_message
            a_blocked_connection_gives_the_memory_for_other_messages_back
            a_connection_goes_on_while_its_thread_ends
            a_timer_that_has_rung_stays_so
        }
    };
    ($runtime:ty: $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                $crate::shells::connection::$name::<$runtime>();
            }
        )*
    };
}

/// Makes a test of each body of [`handshake`] for a [`Runtime`].
#[macro_export]
macro_rules! test_handshake {
    ($runtime:ty) => {
        $crate::test_handshake! { $runtime:
            the_request_is_there_to_be_looked_at
            a_plain_request_is_served_and_refused
            an_answer_that_cannot_be_sent_becomes_a_500
            requests_that_break_a_rule_get_their_answer
            an_acceptor_says_what_it_takes
            refusals_and_redirects_come_to_the_client_as_they_are
            what_cannot_be_answered_is_a_500_to_the_client
            what_cannot_be_asked_is_an_error_and_nothing_is_sent
            a_server_that_answers_nonsense_or_leaves
            peers_that_end_without_a_close
        }
    };
    ($runtime:ty: $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                $crate::shells::handshake::$name::<$runtime>();
            }
        )*
    };
}

/// Makes a test of each body of [`messages`] for a [`Runtime`].
#[macro_export]
macro_rules! test_messages {
    ($runtime:ty) => {
        $crate::test_messages! { $runtime:
            every_message_arrives_as_it_was_sent
            a_message_that_is_shared_is_not_changed_by_masking
            it_is_a_stream_and_a_sink
            parts_are_one_message_to_the_other_side
            a_big_message_comes_in_pieces
            a_whole_message_after_a_piece_is_the_next_one
            pings_and_pongs_are_told_to_who_asks
            many_small_messages_in_one_read
            a_peer_that_breaks_the_protocol_is_told_and_heard_out
        }
    };
    ($runtime:ty: $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                $crate::shells::messages::$name::<$runtime>();
            }
        )*
    };
}

/// Makes a test of each body of [`cancel`] for a [`Runtime`].
#[macro_export]
macro_rules! test_cancel {
    ($runtime:ty) => {
        $crate::test_cancel! { $runtime:
            next
            next_of_stream_ext
            next_event
            next_piece
            send
            send_of_sink_ext
            send_text_and_binary
            feed_and_parts
            ready_and_try_send
            flush
            ping_and_pong
            close
            close_of_sink_ext
            halves_that_are_cancelled_all_the_time
            accept_and_connect
            read_request_and_what_follows
            accept_by_reference
            sending_after_the_end_says_so
        }
    };
    ($runtime:ty: $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                $crate::shells::cancel::$name::<$runtime>();
            }
        )*
    };
}

/// Makes a test of each body of [`halves`] for a [`Runtime`].
#[macro_export]
macro_rules! test_halves {
    ($runtime:ty) => {
        $crate::test_halves! { $runtime:
            both_ends_flood_each_other
            pings_are_answered_while_only_the_writing_half_is_waited_for
            what_one_half_has_queued_the_other_one_writes
            messages_wait_for_the_reading_half
            closing_by_one_half_ends_the_other
            a_writing_half_alone_closes_to_the_end
            halves_are_joined_again
            a_waiting_writer_is_woken_by_the_end_that_the_reader_finds
        }
    };
    ($runtime:ty: $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                $crate::shells::halves::$name::<$runtime>();
            }
        )*
    };
}

/// Makes a test of each body of [`byte_stream`] for a [`Runtime`].
#[macro_export]
macro_rules! test_byte_stream {
    ($runtime:ty) => {
        $crate::test_byte_stream! { $runtime:
            everything_is_read_as_by_hand
            everything_is_written
            both_ways_in_steps_of_any_size
            a_slow_peer_holds_up_the_writer
            a_reader_that_does_not_read_stops_the_peer
            bytes_that_never_end_let_others_run
            pieces_of_a_message_are_read_before_it_ends
            many_messages_are_one_read
            a_write_is_a_message_and_no_bytes_are_none
            shutting_down_leaves_reading
            the_close_of_the_peer_ends_both_ways
            a_writer_notices_the_close_of_the_peer
            who_only_writes_answers_pings
            an_end_without_a_close_is_an_error_that_stays
            a_close_inside_of_a_message_is_an_error_that_stays
            text_is_refused_with_1003_unless_it_is_accepted
            a_manual_close_is_a_half_close
            cancelling_loses_nothing
            messages_go_on_before_and_after
            what_is_read_holds_no_memory
            an_error_of_the_stream_is_reported_as_it_is
        }
    };
    ($runtime:ty: $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                $crate::shells::byte_stream::$name::<$runtime>();
            }
        )*
    };
}

/// Makes a test of the scenarios of [`matrix`](crate::matrix) for a [`Runtime`].
#[macro_export]
macro_rules! test_matrix {
    ($runtime:ty) => {
        #[test]
        fn every_scenario_comes_to_the_same_as_by_hand() {
            $crate::shells::matrix::every_scenario_comes_to_the_same_as_by_hand::<$runtime>();
        }
    };
}

/// Makes a test of each body of [`deflate`] for a [`Runtime`].
#[macro_export]
macro_rules! test_deflate {
    ($runtime:ty) => {
        $crate::test_deflate! { $runtime:
            it_is_off_unless_both_ask_for_it
            every_message_arrives_as_it_was_sent_with_and_without_takeover
            takeover_refers_to_earlier_messages_and_without_it_nothing_does
            what_an_end_asks_for_is_agreed_on
            a_message_can_be_left_uncompressed
            compressing_can_be_paused_and_a_message_goes_on_as_it_began
            parts_and_pieces_of_a_big_message
            a_bomb_comes_in_small_pieces
            a_bomb_is_refused_with_1009
            a_message_that_cannot_be_inflated_is_refused_with_1007
            halves_in_two_tasks_compress_both_ways
            cancelling_loses_nothing_of_the_window
            a_part_that_cannot_be_sent_leaves_the_window_alone
            a_request_that_was_looked_at_can_agree
            a_handshake_made_elsewhere_can_turn_it_on
            what_is_dropped_is_not_inflated
            one_prepared_message_goes_to_all_whatever_was_agreed_on
        }
    };
    ($runtime:ty: $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                $crate::shells::deflate::$name::<$runtime>();
            }
        )*
    };
}

/// Makes a test of each body of [`network`] for a [`Runtime`] and a `Network`.
#[cfg(feature = "network")]
#[macro_export]
macro_rules! test_network {
    ($runtime:ty, $network:ty) => {
        $crate::test_network! { $runtime, $network:
            an_address_that_does_not_answer_does_not_delay_the_next_one
            an_address_that_refuses_costs_no_time
            every_address_is_named_when_none_can_be_reached
            what_was_not_reached_in_time_is_named
            every_stage_has_its_own_error
            a_place_under_another_name
            a_zone_is_connected_to
            a_unix_socket
            sockets_are_set_up_before_they_connect
            user_info_is_sent_by_choice
            redirects_are_given_to_the_program
            a_further_authority
            a_self_signed_certificate_that_is_trusted_itself
            a_trusted_certificate_of_a_server_issues_no_others
            what_is_not_trusted_is_refused
            a_client_certificate
            a_configuration_of_rustls
            clients_share_tls_sessions
            tunnels_through_an_http_proxy
            a_proxy_over_tls
            a_tunnel_leads_to_another_place
            what_comes_after_the_answer_of_a_proxy_is_from_the_server
            every_answer_of_a_proxy_cut_at_every_byte
            every_stage_of_a_proxy_has_its_own_error
            one_time_limit_for_proxy_and_server
            proxies_of_the_environment
            tunnels_through_a_socks_proxy
            a_socks_proxy_gets_the_next_address
            every_answer_of_a_socks_proxy_cut_at_every_byte
            an_address_without_an_answer_of_a_socks_proxy_leaves_time_to_the_next
            a_socks_proxy_has_the_whole_time_to_be_connected_to
            what_a_socks_proxy_cannot_be_told_is_refused_at_once
        }
    };
    ($runtime:ty, $network:ty: $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                $crate::shells::network::$name::<$runtime, $network>();
            }
        )*
    };
}
