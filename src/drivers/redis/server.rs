//! A server: how it is reached, and what is said to it first.

use std::{fmt, io, net::SocketAddr, path::PathBuf, time::Duration};

use bytes::BytesMut;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, lookup_host},
    time::timeout,
};

use super::{
    link::refusal,
    resp::{Decoder, Reply, encode},
    tls::Tls,
};
use crate::error::Failure;

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection on which commands may be sent.
pub struct Opened {
    pub stream: Box<dyn Stream>,
    pub input: BytesMut,
}

#[derive(Debug, Clone, PartialEq, Eq)]
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

#[derive(Clone)]
pub struct Server {
    pub address: Address,
    pub family: Family,
    pub tls: Option<Tls>,
    pub login: Option<Login>,
    pub database: u32,
    pub name: Option<String>,
    pub connect_timeout: Duration,
    /// After how long a silent connection is asked whether it is still there.
    pub keep_alive: Option<Duration>,
    pub no_delay: bool,
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
    /// The same, at another address.
    pub fn at(&self, address: Address) -> Self {
        Self { address, ..self.clone() }
    }

    pub async fn open(&self) -> Result<Opened, Trouble> {
        let opening = async {
            let stream = self.connect().await?;
            self.greet(stream).await
        };
        timeout(self.connect_timeout, opening).await.unwrap_or_else(|_| {
            let milliseconds = self.connect_timeout.as_millis();
            let message = format!("no connection to {} within {milliseconds} ms", self.address);
            Err(Trouble::Passing(Failure::new("ETIMEDOUT", message)))
        })
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, Trouble> {
        match &self.address {
            #[cfg(unix)]
            Address::Unix(path) => match tokio::net::UnixStream::connect(path).await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(error) => Err(self.refused(&error)),
            },
            #[cfg(not(unix))]
            Address::Unix(_) => {
                let failure = Failure::new("UNSUPPORTED", "this system has no Unix sockets");
                Err(Trouble::Lasting(failure))
            }
            Address::Tcp { host, port } => {
                let stream = self.connect_tcp(host, *port).await?;
                match &self.tls {
                    None => Ok(Box::new(stream)),
                    Some(tls) => tls.secure(stream, host, &self.address).await,
                }
            }
        }
    }

    async fn connect_tcp(&self, host: &str, port: u16) -> Result<TcpStream, Trouble> {
        let unknown = |message: String| Trouble::Passing(Failure::new("ENOTFOUND", message));
        let addresses = lookup_host((host, port)).await;
        let addresses = addresses.map_err(|_| unknown(format!("no address is known for the host {host}")))?;
        let mut last = unknown(format!("the host {host} has no address of this family"));
        for address in addresses {
            let fits = match self.family {
                Family::Any => true,
                Family::V4 => address.is_ipv4(),
                Family::V6 => address.is_ipv6(),
            };
            if !fits {
                continue;
            }
            match self.dial(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = self.refused(&error),
            }
        }
        Err(last)
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

    fn refused(&self, error: &io::Error) -> Trouble {
        Trouble::Passing(Failure::of_system(&format!("connect to {}", self.address), error))
    }

    /// Logs in and chooses the database; the answers tell whether the server is ready.
    async fn greet(&self, stream: Box<dyn Stream>) -> Result<Opened, Trouble> {
        let mut opened = Opened { stream, input: BytesMut::new() };
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
        said.push(("PING", encode(&["PING"])));
        let replies = opened.ask(said.iter().map(|(_, bytes)| bytes.as_ref())).await;
        let replies = replies.map_err(|error| Trouble::Passing(Failure::of_system("the connection broke", &error)))?;
        for ((command, _), reply) in said.iter().zip(replies) {
            let Reply::Error(text) = reply else { continue };
            let failure = refusal(&text);
            return Err(match (*command, failure.code.as_ref()) {
                // Users may be allowed little; what they ask for later tells.
                ("PING" | "CLIENT", "NOPERM") => continue,
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

impl Opened {
    /// Sends commands and waits for their replies.
    pub async fn ask(&mut self, commands: impl Iterator<Item = &[u8]>) -> io::Result<Vec<Reply>> {
        let commands: Vec<&[u8]> = commands.collect();
        self.stream.write_all(&commands.concat()).await?;
        self.stream.flush().await?;
        let (mut decoder, mut replies) = (Decoder::default(), Vec::new());
        while replies.len() < commands.len() {
            let malformed = |_| io::Error::other("what the server sent is not the protocol of Redis");
            while let Some(reply) = decoder.next(&mut self.input).map_err(malformed)? {
                replies.push(reply);
            }
            if replies.len() < commands.len() && self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(replies)
    }
}
