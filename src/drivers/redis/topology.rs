//! What the servers of a cluster tell of each other: which master has which slots.

use futures_util::FutureExt;
use tokio::time::timeout;

use super::{
    resp::{Reply, encode, refusal},
    rivals::first_answer,
    server::{Access, Address, Trouble},
    slot::{SLOTS, Slot},
};
use crate::error::Failure;

/// Slots that follow each other and have one master.
pub struct Range {
    pub first: Slot,
    pub last: Slot,
    pub master: Address,
}

/// Asks these servers, the first ones first. Who told comes with it.
pub async fn ask_for_ranges(access: &Access, servers: &[Address]) -> Result<(Address, Vec<Range>), Trouble> {
    let ask = |index| {
        let server: &Address = &servers[index];
        async move { Ok((server.clone(), ask_at(access, server).await?)) }.boxed()
    };
    let none = || Trouble::Lasting(Failure::new("INVALID_OPTIONS", "the cluster has no servers"));
    first_answer(servers.len(), ask).await.map_err(|mut troubles| troubles.pop().unwrap_or_else(none))
}

async fn ask_at(access: &Access, address: &Address) -> Result<Vec<Range>, Trouble> {
    let mut opened = access.open(address).await?;
    let command = encode(&["CLUSTER", "SLOTS"]);
    let reply = timeout(access.connect_timeout, opened.ask(std::iter::once(command.as_ref()))).await;
    let silent = |_| Trouble::Passing(Failure::new("ETIMEDOUT", format!("{address} tells of no slots")));
    let broke = |error| Trouble::of(&format!("the connection to {address} broke"), &error);
    match reply.map_err(silent)?.map_err(broke)?.pop() {
        Some(Reply::List(ranges)) => {
            let ranges: Vec<_> = ranges.into_iter().filter_map(|range| parse_range(range, address)).collect();
            let none = || Trouble::Passing(Failure::new("CLUSTERDOWN", "the cluster serves no slots"));
            if ranges.is_empty() { Err(none()) } else { Ok(ranges) }
        }
        Some(Reply::Error(text)) => Err(Trouble::Lasting(refusal(&text))),
        _ => Err(Trouble::Passing(Failure::new("EPROTO", format!("{address} tells of no slots")))),
    }
}

/// `host:port`, where the host may be an IPv6 address. None without a host.
pub fn parse_address(text: &str) -> Option<Address> {
    let (host, port) = text.rsplit_once(':').filter(|(host, _)| !host.is_empty())?;
    Some(Address::Tcp { host: host.to_owned(), port: port.parse().ok()? })
}

/// A line of CLUSTER SLOTS: the range, its master and its replicas. A master without a host is at the address that was asked.
fn parse_range(range: Reply, asked: &Address) -> Option<Range> {
    let Reply::List(parts) = range else { return None };
    let [Reply::Integer(first), Reply::Integer(last), Reply::List(master), ..] = parts.as_slice() else { return None };
    let [Reply::Bulk(host), Reply::Integer(port), ..] = master.as_slice() else { return None };
    let host = host.as_ref().map(|host| String::from_utf8_lossy(host).into_owned()).filter(|host| !host.is_empty());
    let host = host.or_else(|| match asked {
        Address::Tcp { host, .. } => Some(host.clone()),
        Address::Unix(_) => None,
    })?;
    let slot = |slot: i64| Slot::try_from(slot).ok().filter(|&slot| usize::from(slot) < SLOTS);
    let (first, last) = (slot(*first)?, slot(*last)?);
    let master = Address::Tcp { host, port: u16::try_from(*port).ok()? };
    (first <= last).then_some(Range { first, last, master })
}
