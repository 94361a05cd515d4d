//! A server: how it is reached, and what is said to it first.

use std::{
    collections::HashMap, fmt, future::pending, io, net::SocketAddr, path::PathBuf, pin::Pin, sync::Arc, time::Duration,
};

use bytes::BytesMut;
use futures_util::FutureExt;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{client::TlsStream, rustls};

use super::{
    resp::{Decoder, Malformed, Reply, encode, refusal},
    rivals::first_answer,
    sentinels::Sentinels,
    tls::Tls,
};
use crate::error::Failure;

/// The connection before is ended, and the server asked what it calls this one: none of both has to succeed.
const GHOST: &str = "CLIENT KILL";
const IDENTITY: &str = "CLIENT INFO";

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// Nothing that has not left yet is to be sent when it is dropped.
    fn forsake(&self);
}

impl Stream for TcpStream {
    fn forsake(&self) {
        // Where it fails, it is closed as usual.
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }
}

impl Stream for TlsStream<TcpStream> {
    fn forsake(&self) {
        self.get_ref().0.forsake();
    }
}

#[cfg(unix)]
impl Stream for tokio::net::UnixStream {
    /// What was sent is with the server already.
    fn forsake(&self) {}
}

/// A connection on which commands may be sent.
pub struct Opened {
    pub stream: Box<dyn Stream>,
    pub input: BytesMut,
    /// None if it was not asked for, or the server does not say.
    pub identity: Option<Identity>,
    /// Ends when another server is to be talked to instead.
    pub replaced: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// What a server calls a connection of its own: by both, none of another server is meant, nor of one that was started anew.
#[derive(Clone)]
pub struct Identity {
    number: String,
    address: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Any,
    V4,
    V6,
}

#[derive(Clone)]
pub struct Login {
    pub username: Option<String>,
    pub password: String,
}

/// Where a server is found.
#[derive(Clone)]
pub enum Place {
    At(Address),
    /// Where the sentinels say, at the time.
    Told(Arc<Sentinels>),
}

/// By the addresses that servers give of themselves and of each other: those that lead there from here.
pub type NatMap = HashMap<Address, Address>;

#[derive(Clone)]
pub struct Server {
    pub place: Place,
    pub access: Access,
}

/// How servers are spoken to, wherever they are.
#[derive(Clone)]
pub struct Access {
    pub nat_map: Arc<NatMap>,
    pub family: Family,
    pub tls: Option<Tls>,
    pub login: Option<Login>,
    pub database: u32,
    pub name: Option<String>,
    pub connect_timeout: Duration,
    /// After how long a silent connection is asked whether it is still there.
    pub keep_alive: Option<Duration>,
    pub no_delay: bool,
    /// A cluster's replica is to answer.
    pub read_only: bool,
    /// The server is asked what it calls the connection.
    pub identified: bool,
    /// A connection that was given up, and on which commands may be on their way still. The server ends it before it is told anything
    /// else, so that none of them is carried out after what comes now.
    pub ghost: Option<Identity>,
}

/// Why a connection did not come about.
#[derive(Debug)]
pub enum Trouble {
    /// It may be over soon.
    Passing(Failure),
    /// Trying again changes nothing: a wrong password, a certificate that is not trusted.
    Lasting(Failure),
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(formatter, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(formatter, "{host}:{port}"),
            Self::Unix(path) => write!(formatter, "{}", path.display()),
        }
    }
}

impl Server {
    /// None where it is told each time.
    pub fn address(&self) -> Option<&Address> {
        match &self.place {
            Place::At(address) => Some(address),
            Place::Told(_) => None,
        }
    }

    /// What is known while it is being connected to for the first time.
    pub fn silence(&self) -> Failure {
        let who = self.address().map_or_else(|| "the sentinels' server".into(), Address::to_string);
        Failure::new("ETIMEDOUT", format!("{who} has not answered{}", self.access.question()))
    }

    /// Whether it is the master whom sentinels name.
    pub fn is_elected(&self) -> bool {
        matches!(&self.place, Place::Told(sentinels) if sentinels.find_master())
    }

    pub async fn open(&self) -> Result<Opened, Trouble> {
        self.open_as(&self.access).await
    }

    /// Opens a connection for calls, in place of one that was given up.
    pub async fn open_after(&self, ghost: Option<Identity>) -> Result<Opened, Trouble> {
        self.open_as(&Access { identified: true, ghost, ..self.access.clone() }).await
    }

    async fn open_as(&self, access: &Access) -> Result<Opened, Trouble> {
        match &self.place {
            Place::At(address) => access.open(address).await,
            Place::Told(sentinels) => Arc::clone(sentinels).open(access).await,
        }
    }
}

impl Access {
    /// Connects to the server at an address, which it or another server may have told of.
    pub async fn open(&self, address: &Address) -> Result<Opened, Trouble> {
        let address = self.nat_map.get(address).unwrap_or(address);
        let opening = async {
            let stream = self.connect(address).await?;
            let input = BytesMut::new();
            self.greet(Opened { stream, input, identity: None, replaced: Box::pin(pending()) }, address).await
        };
        timeout(self.connect_timeout, opening).await.unwrap_or_else(|_| {
            let milliseconds = self.connect_timeout.as_millis();
            let message = format!("no connection to {address} within {milliseconds} ms{}", self.question());
            Err(Trouble::Passing(Failure::new("ETIMEDOUT", message)))
        })
    }

    /// A server without TLS waits in silence for the rest of what it takes for a command.
    fn question(&self) -> &'static str {
        if self.tls.is_some() { ": does it speak TLS?" } else { "" }
    }

    async fn connect(&self, address: &Address) -> Result<Box<dyn Stream>, Trouble> {
        match address {
            #[cfg(unix)]
            Address::Unix(path) => match tokio::net::UnixStream::connect(path).await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(error) => Err(refused(address, &error)),
            },
            #[cfg(windows)]
            Address::Unix(_) => {
                let message = "a server is not reached by a Unix socket on Windows";
                Err(Trouble::Lasting(Failure::new("UNSUPPORTED", message)))
            }
            Address::Tcp { host, port } => {
                let stream = self.connect_tcp(host, *port).await?;
                match &self.tls {
                    None => Ok(Box::new(stream)),
                    Some(tls) => tls.secure(stream, host, address).await,
                }
            }
        }
    }

    async fn connect_tcp(&self, host: &str, port: u16) -> Result<TcpStream, Trouble> {
        let unknown = |message: String| Trouble::Passing(Failure::new("ENOTFOUND", message));
        let addresses = lookup_host((host, port)).await;
        let addresses = addresses.map_err(|_| unknown(format!("no address is known for the host {host}")))?;
        let fits = |address: &SocketAddr| match self.family {
            Family::Any => true,
            Family::V4 => address.is_ipv4(),
            Family::V6 => address.is_ipv6(),
        };
        let addresses: Vec<_> = addresses.filter(fits).collect();
        self.dial_any(&addresses).await.map_err(|error| match error {
            Some(error) => refused(&Address::Tcp { host: host.into(), port }, &error),
            None => unknown(format!("the host {host} has no address of this family")),
        })
    }

    /// One that leads nowhere keeps nobody from the others. The last failure; None if there are no addresses.
    async fn dial_any(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Option<io::Error>> {
        let dial = |index: usize| self.dial(addresses[index]).boxed();
        first_answer(addresses.len(), dial).await.map_err(|mut errors| errors.pop())
    }

    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(self.no_delay)?;
        let socket = SockRef::from(&stream);
        socket.set_keepalive(true)?;
        if let Some(time) = self.keep_alive {
            socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(time))?;
        }
        Ok(stream)
    }

    /// Logs in and chooses the database; the answers tell whether the server is ready.
    async fn greet(&self, mut opened: Opened, address: &Address) -> Result<Opened, Trouble> {
        let mut said: Vec<(&str, bytes::Bytes)> = Vec::new();
        match &self.login {
            Some(Login { username: Some(username), password }) => {
                said.push(("AUTH", encode(&["AUTH", username, password])));
            }
            Some(Login { username: None, password }) => said.push(("AUTH", encode(&["AUTH", password]))),
            None => {}
        }
        if self.database != 0 {
            said.push(("SELECT", encode(&["SELECT", &self.database.to_string()])));
        }
        if let Some(name) = &self.name {
            said.push(("CLIENT", encode(&["CLIENT", "SETNAME", name])));
        }
        if self.read_only {
            said.push(("READONLY", encode(&["READONLY"])));
        }
        if let Some(Identity { number, address }) = &self.ghost {
            said.push((GHOST, encode(&["CLIENT", "KILL", "ID", number, "ADDR", address])));
        }
        if self.identified {
            said.push((IDENTITY, encode(&["CLIENT", "INFO"])));
        }
        said.push(("PING", encode(&["PING"])));
        let replies = opened.ask(said.iter().map(|(_, bytes)| bytes.as_ref())).await;
        let replies = replies.map_err(|error| {
            // As a server does that speaks TLS alone, and others that have no time for anybody.
            let ends = if self.tls.is_none() { " (does it take TLS alone?)" } else { "" };
            Trouble::of(&format!("{address} ended the connection before it had answered{ends}"), &error)
        })?;
        let ended = replies.len() < said.len();
        for ((command, _), reply) in said.iter().zip(replies) {
            // What it says then is about the connection.
            let command = if ended { &"PING" } else { command };
            let text = match reply {
                Reply::Error(text) => text,
                Reply::Bulk(Some(text)) if *command == IDENTITY => {
                    opened.identity = Identity::parse(&text);
                    continue;
                }
                _ => continue,
            };
            let failure = refusal(&text);
            return Err(match (*command, failure.code.as_ref()) {
                // Users may be allowed little; what they ask for later tells. A server of no cluster has no such mode.
                ("PING" | "CLIENT", "NOPERM") | ("READONLY" | GHOST | IDENTITY, _) => continue,
                ("AUTH", "ERR") if asks_for_no_password(&failure) => continue,
                (_, "LOADING" | "BUSY" | "MASTERDOWN" | "TRYAGAIN" | "CLUSTERDOWN") => Trouble::Passing(failure),
                (_, "ERR") if failure.message.contains("max number of clients") => Trouble::Passing(failure),
                ("SELECT", _) => {
                    let message = format!("database {}: {}", self.database, failure.message);
                    Trouble::Lasting(Failure { message, ..failure })
                }
                _ => Trouble::Lasting(failure),
            });
        }
        Ok(opened)
    }
}

/// Whoever comes is let in: as ioredis has it, a password that is not asked for does no harm. Redis 5 says it in other words.
fn asks_for_no_password(failure: &Failure) -> bool {
    ["without any password configured", "no password is set"].iter().any(|words| failure.message.contains(words))
}

impl Identity {
    /// Of what CLIENT INFO tells: "id=7 addr=10.0.0.1:50000 …".
    fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let field = |name: &str| text.split_ascii_whitespace().find_map(|field| field.strip_prefix(name));
        Some(Self { number: field("id=")?.to_owned(), address: field("addr=")?.to_owned() })
    }
}

impl Trouble {
    /// Of what the connection came to. A server that takes no client without a certificate says so after the handshake.
    pub fn of(what: &str, error: &io::Error) -> Self {
        match error.get_ref() {
            Some(inner) if inner.is::<rustls::Error>() => {
                Self::Lasting(Failure::new("TLS", format!("{what}: {inner}")))
            }
            Some(inner) if inner.is::<Malformed>() => Self::Passing(Failure::new("EPROTO", inner.to_string())),
            _ => Self::Passing(Failure::of_system(what, error)),
        }
    }
}

fn refused(address: &Address, error: &io::Error) -> Trouble {
    Trouble::Passing(Failure::of_system(&format!("connect to {address}"), error))
}

impl Opened {
    pub async fn ask_one(&mut self, command: &[u8]) -> io::Result<Reply> {
        let reply = self.ask(std::iter::once(command)).await?.pop();
        reply.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Sends commands and waits for their replies: fewer, the last of which is an error, where the server ends the connection with it.
    pub async fn ask(&mut self, commands: impl Iterator<Item = &[u8]>) -> io::Result<Vec<Reply>> {
        let commands: Vec<&[u8]> = commands.collect();
        self.stream.write_all(&commands.concat()).await?;
        self.stream.flush().await?;
        let (mut decoder, mut replies) = (Decoder::default(), Vec::new());
        while replies.len() < commands.len() {
            while let Some(reply) = decoder.next(&mut self.input)? {
                replies.push(reply);
            }
            if replies.len() == commands.len() {
                break;
            }
            let error = match self.stream.read_buf(&mut self.input).await {
                Ok(0) => io::ErrorKind::UnexpectedEof.into(),
                Ok(_) => continue,
                Err(error) => error,
            };
            // A server that takes no more clients says so once, and nothing to the rest.
            return if matches!(replies.last(), Some(Reply::Error(_))) { Ok(replies) } else { Err(error) };
        }
        Ok(replies)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use socket2::{Domain, Socket, Type};
    use tokio::runtime::Builder;

    use super::*;

    fn access() -> Access {
        Access {
            nat_map: Arc::default(),
            family: Family::Any,
            tls: None,
            login: None,
            database: 0,
            name: None,
            connect_timeout: Duration::from_secs(10),
            keep_alive: None,
            no_delay: true,
            read_only: false,
            identified: false,
            ghost: None,
        }
    }

    #[test]
    fn an_address_that_says_nothing_does_not_keep_others_from_it() {
        // Nobody takes its connections, and there is no room for more.
        let silent = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        silent.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        silent.listen(0).unwrap();
        let nowhere = silent.local_addr().unwrap();
        let waiting: Vec<_> = (0..4)
            .map(|_| {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                socket.set_nonblocking(true).unwrap();
                assert!(socket.connect(&nowhere).is_err(), "it is only under way");
                socket
            })
            .collect();
        let there = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addresses = [nowhere.as_socket().unwrap(), there.local_addr().unwrap()];
        let dialled = Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let direct = timeout(Duration::from_millis(100), access().dial(addresses[0])).await;
            assert!(direct.is_err(), "the first address is taken");
            timeout(Duration::from_secs(5), access().dial_any(&addresses)).await.unwrap().unwrap()
        });
        assert_eq!(dialled.peer_addr().unwrap(), addresses[1]);
        drop(waiting);
    }
}
