//! A client of MQTT 3.1.1 over a byte stream: `bytes-mqtt URL [SUBPROTOCOL [BYTES]]` connects, subscribes, publishes 1 MiB and
//! other sizes with each quality of service, and gets them back. For a slow broker, BYTES is the most that is published, and
//! big messages are published once. Prints what fails, and the counts.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{
    Connect, ConnectReturnCode, Packet, PubAck, PubComp, PubRec, PubRel, Publish, Subscribe,
};
use rumqttc::mqttbytes::{Error, QoS};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use ws_proto_tokio::{ByteStream, ClientStream, Connector, connect};

const MOST: usize = 2 << 20;
const TOPIC: &str = "ws-proto/bytes";

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (url, subprotocol, most) = match &words[..] {
        [url] => (url, "mqtt", None),
        [url, subprotocol] => (url, subprotocol.as_str(), None),
        [url, subprotocol, most] => (url, subprotocol.as_str(), Some(most.parse()?)),
        _ => bail!("usage: bytes-mqtt URL [SUBPROTOCOL [BYTES]]"),
    };
    let mut passed = 0;
    let ended = tokio::time::timeout(
        Duration::from_secs(200),
        play(url, subprotocol, most, &mut passed),
    );
    let ended = ended
        .await
        .unwrap_or_else(|_| Err(anyhow!("it takes more than 200 s")));
    let failed = usize::from(ended.is_err());
    if let Err(error) = ended {
        println!("FAILED {error:#}");
    }
    println!("{passed} passed, {failed} failed");
    Ok(())
}

/// Both ends of the connection, as MQTT sees them.
struct Mqtt {
    stream: ByteStream<ClientStream>,
    read: BytesMut,
}

impl Mqtt {
    async fn send(&mut self, packet: &Packet) -> Result<()> {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, MOST)?;
        self.stream.write_all(&bytes).await?;
        Ok(self.stream.flush().await?)
    }

    async fn receive(&mut self) -> Result<Packet> {
        loop {
            match Packet::read(&mut self.read, MOST) {
                Ok(packet) => return Ok(packet),
                Err(Error::InsufficientBytes(_)) => {}
                Err(error) => bail!(error),
            }
            let n = self.stream.read_buf(&mut self.read).await?;
            ensure!(n > 0, "the broker has closed: {:?}", self.stream.closed());
        }
    }
}

async fn play(url: &str, subprotocol: &str, most: Option<u32>, passed: &mut usize) -> Result<()> {
    let connector = Connector::new(url)?.subprotocols(&[subprotocol]);
    let (socket, _) = connect(connector).await?;
    let stream = socket.into_byte_stream();
    ensure!(
        stream.subprotocol() == Some(subprotocol),
        "another subprotocol"
    );
    *passed += 1;
    let read = BytesMut::new();
    let mut mqtt = Mqtt { stream, read };

    let mut connect = Connect::new("ws-proto");
    connect.keep_alive = 300;
    mqtt.send(&Packet::Connect(connect)).await?;
    match mqtt.receive().await? {
        Packet::ConnAck(answer) if answer.code == ConnectReturnCode::Success => *passed += 1,
        other => bail!("CONNECT is answered with {other:?}"),
    }
    let mut subscribe = Subscribe::new(TOPIC, QoS::ExactlyOnce);
    subscribe.pkid = 1;
    mqtt.send(&Packet::Subscribe(subscribe)).await?;
    match mqtt.receive().await? {
        Packet::SubAck(answer) if answer.pkid == 1 => *passed += 1,
        other => bail!("SUBSCRIBE is answered with {other:?}"),
    }
    let mut id = 1;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        for len in [0, 1, 125, 65_536, 70_000, 1 << 20] {
            let is_left_out = |most| len > most || (len > 125 && qos != QoS::AtLeastOnce);
            if most.is_some_and(is_left_out) {
                continue;
            }
            id += 1;
            let payload: Vec<u8> = (0..len).map(|n: u32| (n ^ (n >> 8)) as u8).collect();
            let mut publish = Publish::new(TOPIC, qos, payload.clone());
            publish.pkid = if qos == QoS::AtMostOnce { 0 } else { id };
            mqtt.send(&Packet::Publish(publish)).await?;
            come_back(&mut mqtt, qos, &payload)
                .await
                .with_context(|| format!("{len} bytes, {qos:?}"))?;
            *passed += 1;
        }
    }
    mqtt.send(&Packet::PingReq).await?;
    loop {
        match mqtt.receive().await? {
            Packet::PingResp => break,
            // amqtt repeats the last one.
            Packet::PubRel(again) => {
                mqtt.send(&Packet::PubComp(PubComp::new(again.pkid)))
                    .await?;
            }
            other => bail!("PINGREQ is answered with {other:?}"),
        }
    }
    *passed += 1;

    // The broker closes.
    mqtt.send(&Packet::Disconnect).await?;
    let mut rest = Vec::new();
    match mqtt.stream.read_to_end(&mut rest).await {
        Ok(_) => {}
        // Some brokers close TCP without a Close.
        Err(error) => println!("after DISCONNECT: {error}"),
    }
    ensure!(rest.is_empty(), "{} bytes after DISCONNECT", rest.len());
    *passed += 1;
    Ok(())
}

/// The message comes back, and all that belongs to its quality of service, in whatever order.
async fn come_back(mqtt: &mut Mqtt, qos: QoS, payload: &[u8]) -> Result<()> {
    let (mut is_back, mut is_acknowledged) = (false, qos == QoS::AtMostOnce);
    let mut is_released = qos != QoS::ExactlyOnce;
    while !(is_back && is_acknowledged && is_released) {
        match mqtt.receive().await? {
            Packet::Publish(publish) => {
                ensure!(
                    publish.topic == TOPIC && publish.payload == payload,
                    "it is changed"
                );
                is_back = true;
                match publish.qos {
                    QoS::AtMostOnce => is_released = true,
                    QoS::AtLeastOnce => {
                        let answer = PubAck::new(publish.pkid);
                        mqtt.send(&Packet::PubAck(answer)).await?;
                    }
                    QoS::ExactlyOnce => {
                        mqtt.send(&Packet::PubRec(PubRec::new(publish.pkid)))
                            .await?;
                    }
                }
            }
            Packet::PubAck(_) | Packet::PubComp(_) => is_acknowledged = true,
            Packet::PubRec(answer) => {
                mqtt.send(&Packet::PubRel(PubRel::new(answer.pkid))).await?;
            }
            Packet::PubRel(answer) => {
                mqtt.send(&Packet::PubComp(PubComp::new(answer.pkid)))
                    .await?;
                is_released = true;
            }
            other => bail!("{other:?} comes"),
        }
    }
    Ok(())
}
