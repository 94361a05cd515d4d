//! A server's URL, as Redis clients have it. Errors say nothing of what stands in it: that may be a password.

use std::num::NonZeroU16;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Url {
    pub secure: bool,
    pub host: Option<String>,
    pub port: Option<u16>,
    /// Of a Unix socket.
    pub path: Option<String>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub database: Option<u32>,
    /// Hosts and ports.
    pub sentinels: Vec<(Option<String>, Option<u16>)>,
    /// What the sentinels call the master.
    pub name: Option<String>,
    pub query: Vec<(String, String)>,
}

impl Url {
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("redis", text));
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (username, password) = login.split_once(':').unwrap_or((login, ""));
        let mut url = Self {
            username: decoded(username)?,
            password: decoded(password)?,
            query: query.split('&').filter(|pair| !pair.is_empty()).map(parameter).collect::<Result<_, _>>()?,
            ..Self::default()
        };
        url.secure = scheme.starts_with("rediss");
        match scheme {
            "redis" | "rediss" => {
                (url.host, url.port) = parse_place(place)?;
                url.database = parse_database(path.trim_start_matches('/'))?;
            }
            "redis+sentinel" | "rediss+sentinel" => {
                url.sentinels = place.split(',').map(parse_place).collect::<Result<_, _>>()?;
                let path = path.trim_start_matches('/');
                let (name, database) = path.split_once('/').unwrap_or((path, ""));
                url.name = decoded(name)?;
                url.database = parse_database(database)?;
            }
            "unix" if place.is_empty() => url.path = decoded(path)?,
            "unix" => return Err("must have the form unix:///path/to/socket"),
            _ => return Err("must start with redis://, rediss://, redis+sentinel:// or unix://"),
        }
        Ok(url)
    }
}

impl Url {
    /// Where the server is, of what it says.
    pub fn place(&self) -> Self {
        Self { host: self.host.clone(), port: self.port, ..Self::default() }
    }

    /// Whether it says nothing else.
    pub fn is_place(&self) -> bool {
        *self == self.place()
    }
}

fn parse_place(place: &str) -> Result<(Option<String>, Option<u16>), &'static str> {
    let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address, rest.strip_prefix(':').unwrap_or(rest)),
        None => place.split_once(':').unwrap_or((place, "")),
    };
    let number = || port.parse::<NonZeroU16>().map_err(|_| "has a port that is no number from 1 to 65535");
    Ok((decoded(host)?, if port.is_empty() { None } else { Some(number()?.get()) }))
}

fn parse_database(text: &str) -> Result<Option<u32>, &'static str> {
    let number = || text.parse().map_err(|_| "names a database that is no number");
    if text.is_empty() { Ok(None) } else { number().map(Some) }
}

fn parameter(pair: &str) -> Result<(String, String), &'static str> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    Ok((decoded(name)?.unwrap_or_default(), decoded(value)?.unwrap_or_default()))
}

/// The text that percent signs stand for; None for the empty one.
fn decoded(text: &str) -> Result<Option<String>, &'static str> {
    const WRONG: &str = "has a percent sign without two hexadecimal digits of UTF-8 behind it";
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok()).ok_or(WRONG)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| WRONG)?);
        rest = &tail[2..];
    }
    let text = String::from_utf8(bytes).map_err(|_| WRONG)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_found() {
        let url = Url::parse("rediss://us%40er:p%3A%2F@host.example:7000/3?family=6").unwrap();
        let query = vec![("family".to_owned(), "6".to_owned())];
        let (host, username, password) =
            (Some("host.example".to_owned()), Some("us@er".to_owned()), Some("p:/".to_owned()));
        let expected = Url {
            secure: true,
            host,
            port: Some(7000),
            username,
            password,
            database: Some(3),
            query,
            ..Url::default()
        };
        assert_eq!(url, expected);
    }

    #[test]
    fn sentinels_are_several() {
        let url = Url::parse("redis+sentinel://us:pw@one:1,[::1]:2,three/my%20master/4").unwrap();
        let place = |host: &str, port| (Some(host.to_owned()), port);
        assert_eq!(url.sentinels, [place("one", Some(1)), place("::1", Some(2)), place("three", None)]);
        assert_eq!((url.name, url.database), (Some("my master".to_owned()), Some(4)));
        assert_eq!((url.host, url.secure), (None, false));
        assert!(Url::parse("rediss+sentinel://one/name").unwrap().secure);
    }

    #[test]
    fn parts_may_be_missing() {
        assert_eq!(Url::parse("redis://").unwrap(), Url::default());
        assert_eq!(
            Url::parse("host:1").unwrap(),
            Url { host: Some("host".to_owned()), port: Some(1), ..Url::default() }
        );
        assert_eq!(
            Url::parse("redis://:pw@host/").unwrap(),
            Url { host: Some("host".to_owned()), password: Some("pw".to_owned()), ..Url::default() }
        );
        assert_eq!(
            Url::parse("redis://[::1]:7").unwrap(),
            Url { host: Some("::1".to_owned()), port: Some(7), ..Url::default() }
        );
        assert_eq!(Url::parse("redis://a:b@c@host").unwrap().password, Some("b@c".to_owned()));
        assert_eq!(Url::parse("unix:///tmp/redis.sock").unwrap().path, Some("/tmp/redis.sock".to_owned()));
    }

    #[test]
    fn a_place_says_nothing_else() {
        assert!(Url::parse("redis://host:1").unwrap().is_place());
        for more in ["rediss://host:1", "redis://:pw@host", "redis://host/1", "unix:///tmp/redis.sock"] {
            assert!(!Url::parse(more).unwrap().is_place(), "{more}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        for wrong in [
            "http://s3cret@host",
            "redis://:s3cret%@host",
            "redis://:s3cret@host:port",
            "redis://:s3cret@h/db",
            "unix://s3cret/x",
        ] {
            let error = Url::parse(wrong).unwrap_err();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
