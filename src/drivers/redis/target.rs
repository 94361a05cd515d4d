//! What the options come to: whom they name, how these are spoken to, and how long they are waited for.

use std::{sync::Arc, time::Duration};

use super::{
    command::Patience,
    option_values::{HostAndPort, Node, RoleOption},
    options::RedisOptions,
    sentinels::{Role, Sentinels},
    server::{Access, Address, Family, Login, NatMap, Place, Server},
    topology::parse_address,
    url::Url,
};

/// Whom the options name, and how.
pub enum Target {
    Server(Server),
    Cluster(Access, Vec<Address>),
}

impl RedisOptions {
    /// The servers and how long they are waited for. An error names the option.
    pub fn read(&mut self) -> Result<(Target, Patience), String> {
        if let Some(url) = filled(self.url.take()) {
            self.read_url(Url::parse(&url).map_err(|error| format!("the option `url` {error}"))?)?;
        }
        let seeds = self.seeds()?;
        let family = match self.family {
            0 => Family::Any,
            4 => Family::V4,
            6 => Family::V6,
            _ => return Err("the option `family` must be 0, 4 or 6".into()),
        };
        if self.connect_timeout == 0 {
            return Err("the option `connectTimeout` must be more than 0".into());
        }
        let access = Access {
            nat_map: Arc::new(self.nat_map()?),
            family,
            tls: self.tls.read("tls")?,
            login: login(self.username.take(), self.password.take()),
            database: self.db,
            name: filled(self.connection_name.take()),
            connect_timeout: Duration::from_millis(self.connect_timeout),
            keep_alive: (self.keep_alive > 0).then(|| Duration::from_millis(self.keep_alive)),
            no_delay: self.no_delay,
            read_only: self.read_only,
            identified: false,
            ghost: None,
        };
        let patience = Patience {
            command: (self.command_timeout > 0).then(|| Duration::from_millis(self.command_timeout)),
            retries: u32::try_from(self.max_retries_per_request).ok(),
            delays: self.retry_strategy.durations(),
            offline: self.enable_offline_queue,
            together: false,
        };
        Ok((self.target(access, seeds)?, patience))
    }

    fn target(&mut self, access: Access, seeds: Vec<Address>) -> Result<Target, String> {
        match (seeds.is_empty(), self.sentinels.is_empty()) {
            (true, true) => {
                let place = match filled(self.path.take()) {
                    Some(path) => Address::Unix(path.into()),
                    None => Address::Tcp { host: self.host.clone(), port: self.port },
                };
                Ok(Target::Server(Server { place: Place::At(place), access }))
            }
            (true, false) => Ok(Target::Server(self.told(access)?)),
            (false, true) if self.db == 0 => Ok(Target::Cluster(access, seeds)),
            (false, true) => Err("the option `db` must be 0: a cluster has no other".into()),
            (false, false) => Err("the options `cluster` and `sentinels` are for different things".into()),
        }
    }

    /// The server that sentinels tell of.
    fn told(&mut self, access: Access) -> Result<Server, String> {
        let name = filled(self.name.take()).ok_or("the option `name` must be what the sentinels call the master")?;
        let role = match self.role {
            RoleOption::Master => Role::Master,
            RoleOption::Slave | RoleOption::Replica => Role::Replica,
        };
        let spoken_to = Access {
            tls: self.sentinel_tls.read("sentinelTLS")?,
            login: login(self.sentinel_username.take(), self.sentinel_password.take()),
            database: 0,
            read_only: false,
            ..access.clone()
        };
        let sentinels = Sentinels::new(spoken_to, self.sentinels()?, name, role);
        let tls = access.tls.clone().filter(|_| self.enable_tls_for_sentinel_mode);
        Ok(Server { place: Place::Told(sentinels), access: Access { tls, ..access } })
    }

    fn sentinels(&self) -> Result<Vec<Address>, String> {
        let sentinel = |each: Result<(String, Url), String>| {
            let (name, url) = each?;
            if !url.is_place() {
                return Err(format!(
                    "{name} may name a host and a port alone: login and encryption are options of their own, for all sentinels"
                ));
            }
            Ok(address(url, 26379))
        };
        each("sentinels", &self.sentinels).map(sentinel).collect()
    }

    /// The servers of a cluster that are named. A login that all their URLs have, or encryption, is for all servers.
    fn seeds(&mut self) -> Result<Vec<Address>, String> {
        let urls = each("cluster", &self.cluster).collect::<Result<Vec<_>, _>>()?;
        let Some((_, Url { secure, username, password, .. })) = urls.first() else { return Ok(Vec::new()) };
        let (secure, username, password) = (*secure, username.clone(), password.clone());
        for (name, url) in &urls {
            let same = Url { secure, username: username.clone(), password: password.clone(), ..url.place() };
            if *url != same {
                return Err(format!(
                    "{name} may name a host, a port, and the login and encryption that all others name, too: they are for all servers"
                ));
            }
        }
        if secure {
            self.tls.require();
        }
        self.username = username.or(self.username.take());
        self.password = password.or(self.password.take());
        Ok(urls.into_iter().map(|(_, url)| address(url, 6379)).collect())
    }

    fn nat_map(&self) -> Result<NatMap, String> {
        let entry = |(told, place): (&String, &HostAndPort)| {
            let from = parse_address(told)
                .ok_or_else(|| format!("the option `natMap` has the key {told:?}, which is no host:port"))?;
            let HostAndPort { host: Some(host), port: Some(port) } = place else {
                return Err(format!("the option `natMap[{told:?}]` must have a host and a port"));
            };
            Ok((from, Address::Tcp { host: host.clone(), port: *port }))
        };
        self.nat_map.iter().map(entry).collect()
    }

    fn read_url(&mut self, url: Url) -> Result<(), String> {
        if url.secure {
            self.tls.require();
        }
        if url.secure && !url.sentinels.is_empty() {
            self.sentinel_tls.require();
        }
        if !url.sentinels.is_empty() {
            let node = |(host, port)| Node::Place(HostAndPort { host, port });
            self.sentinels = url.sentinels.into_iter().map(node).collect();
        }
        self.name = url.name.or(self.name.take());
        self.path = url.path.or(self.path.take());
        if let Some(host) = url.host {
            self.host = host;
        }
        self.port = url.port.unwrap_or(self.port);
        self.username = url.username.or(self.username.take());
        self.password = url.password.or(self.password.take());
        self.db = url.database.unwrap_or(self.db);
        for (name, value) in url.query {
            match name.as_str() {
                "db" => self.db = value.parse().map_err(|_| "the option `url` has a `db` that is no number")?,
                "family" => {
                    self.family = value.parse().map_err(|_| "the option `url` has a `family` that is no number")?;
                }
                // It may be a part of a password, with a question mark that was not written as %3F.
                _ => return Err("the option `url` has a parameter that is neither `db` nor `family`".into()),
            }
        }
        Ok(())
    }
}

fn login(username: Option<String>, password: Option<String>) -> Option<Login> {
    match (filled(username), filled(password)) {
        (None, None) => None,
        // A user may need no password.
        (username, password) => Some(Login { username, password: password.unwrap_or_default() }),
    }
}

/// What a server of a list is called in errors, and what its option says of it.
fn each<'a>(option: &'a str, nodes: &'a [Node]) -> impl Iterator<Item = Result<(String, Url), String>> + 'a {
    nodes.iter().enumerate().map(move |(index, node)| {
        let name = format!("the option `{option}[{index}]`");
        let url = match node {
            Node::Port(port) => Url { port: Some(*port), ..Url::default() },
            Node::Place(HostAndPort { host, port }) => Url { host: host.clone(), port: *port, ..Url::default() },
            Node::Url(url) => Url::parse(url).map_err(|error| format!("{name} {error}"))?,
        };
        Ok((name, url))
    })
}

/// Where such a server is; `usual`: the port if none is named.
fn address(url: Url, usual: u16) -> Address {
    Address::Tcp { host: url.host.unwrap_or_else(|| "127.0.0.1".into()), port: url.port.unwrap_or(usual) }
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
