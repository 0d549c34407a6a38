//! The program as a process, and servers for it to talk to.

use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};

/// After so long a process has failed to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// The rest of the output of a process.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Done {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }
}

pub(crate) fn wsp() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wsp"));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    without_proxies(&mut command);
    command
}

/// The proxies of whoever runs the tests do not lead to their servers.
pub(crate) fn without_proxies(command: &mut Command) {
    for scheme in ["ws", "wss", "http", "https", "all", "no"] {
        let name = format!("{scheme}_proxy");
        command.env_remove(name.to_uppercase()).env_remove(name);
    }
}

/// Runs it to its end, with that on its standard input.
pub(crate) fn run(args: &[&str], input: &[u8]) -> Done {
    finish(wsp().args(args).spawn().unwrap(), input)
}

pub(crate) fn finish(mut child: Child, input: &[u8]) -> Done {
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writing = thread::spawn(move || {
        // It may end without reading all of it.
        let _ = stdin.write_all(&input);
    });
    let done = collect(child);
    writing.join().unwrap();
    done
}

/// Waits for its end; standard input stays as it is.
pub(crate) fn collect(mut child: Child) -> Done {
    let stdout = child.stdout.take().map(read_all);
    let stderr = child.stderr.take().map(read_all);
    let code = wait(&mut child);
    let stdout = stdout.map(|reading| reading.join().unwrap());
    let stderr = stderr.map(|reading| reading.join().unwrap());
    Done {
        code,
        stdout: stdout.unwrap_or_default(),
        stderr: String::from_utf8(stderr.unwrap_or_default()).unwrap(),
    }
}

fn read_all(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        from.read_to_end(&mut all).unwrap();
        all
    })
}

/// Waits for its end, and reads nothing; the exit code.
pub(crate) fn wait(child: &mut Child) -> i32 {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it does not end");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Ctrl-C.
pub(crate) fn interrupt(child: &Child) {
    signal(child, "INT");
}

pub(crate) fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let name = format!("-{name}");
    let sent = Command::new("kill").args([&name, &pid]).status().unwrap();
    assert!(sent.success());
}

/// Runs it in a terminal with these settings of `stty`, in which that is typed; what the terminal shows comes
/// as standard output. Without another setting, nothing is coloured.
#[cfg(target_os = "linux")]
pub(crate) fn in_terminal_of(settings: &str, args: &str, typed: &[u8]) -> Done {
    let typed = typed.to_vec();
    in_terminal_typing(settings, args, move || typed)
}

/// What is typed is known when `typed` comes back.
#[cfg(target_os = "linux")]
pub(crate) fn in_terminal_typing(
    settings: &str,
    args: &str,
    typed: impl FnOnce() -> Vec<u8> + Send + 'static,
) -> Done {
    let line = format!(
        "stty rows 24 {settings}; exec {} {args}",
        env!("CARGO_BIN_EXE_wsp")
    );
    let mut script = Command::new("script");
    script
        .args(["-qec", &line, "/dev/null"])
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    without_proxies(&mut script);
    let mut child = script.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let typing = thread::spawn(move || {
        let typed = typed();
        let mut is_first = true;
        for line in typed.split_inclusive(|byte| *byte == b'\n') {
            // As a person does: what a connection answers is there before the next line.
            thread::sleep(Duration::from_millis(if is_first { 800 } else { 300 }));
            is_first = false;
            let _ = stdin.write_all(line);
        }
        // The end of `script`'s input ends its program.
        thread::sleep(Duration::from_secs(3));
    });
    let done = collect(child);
    typing.join().unwrap();
    done
}

/// The process with `--listen`.
pub(crate) struct Listening {
    pub(crate) child: Child,
    pub(crate) url: String,
    /// Its output after the line with the URL.
    pub(crate) stderr: BufReader<ChildStderr>,
}

impl Listening {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", args)
    }

    pub(crate) fn start_at(place: &str, args: &[&str]) -> Self {
        let mut command = wsp();
        command.args(["--listen", place]).args(args);
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("wsp: listening on ").unwrap();
        Self {
            child,
            url: url.to_owned(),
            stderr,
        }
    }

    /// What it has printed when it ends by itself.
    pub(crate) fn finish(self) -> Done {
        let Self {
            child, mut stderr, ..
        } = self;
        let reading = thread::spawn(move || {
            let mut all = String::new();
            stderr.read_to_string(&mut all).unwrap();
            all
        });
        let mut done = collect(child);
        done.stderr = reading.join().unwrap();
        done
    }

    /// Ends it with Ctrl-C.
    pub(crate) fn stop(self) -> Done {
        interrupt(&self.child);
        self.finish()
    }
}

/// Serves every stream with `serve`, in a thread of its own, for as long as the test runs.
pub(crate) fn serve<F, Fut>(serve: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream));
            }
        });
    });
    told.recv().unwrap()
}

/// A server that sends "welcome" and then answers nothing. The receiver learns when the client has written.
pub(crate) fn unanswering() -> (String, mpsc::Receiver<()>) {
    let (tell, told) = mpsc::channel();
    let address = serve(move |stream| {
        let tell = tell.clone();
        async move {
            let mut socket = ws_proto_tokio::accept(stream).await.unwrap();
            socket.send("welcome").await.unwrap();
            let stream = socket.into_inner();
            stream.readable().await.unwrap();
            tell.send(()).unwrap();
            tokio::time::sleep(Duration::from_secs(600)).await;
            drop(stream);
        }
    });
    (format!("ws://{address}/"), told)
}

/// A server that says everything back.
pub(crate) fn echo() -> String {
    let address = serve(|stream| async {
        let mut socket = ws_proto_tokio::accept(stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    });
    format!("ws://{address}/")
}

/// A file in a directory that is made for the tests.
pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Bytes that neither repeat nor compress.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    ws_proto_test::random::Random::new(1).bytes(len)
}
