//! Where a request comes from, for rate limits and for nothing else.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A network by its first bits: `10.0.0.0/8`, `fd00::/8`, or one address.
///
/// ```
/// use grantor_http::Network;
/// let network: Network = "10.0.0.0/8".parse()?;
/// assert!(network.contains("10.1.2.3".parse()?));
/// assert!(!network.contains("11.1.2.3".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let same_family = self.address.is_ipv4() == address.is_ipv4();
        same_family && first_bits(self.address, self.bits) == first_bits(address, self.bits)
    }
}

fn first_bits(address: IpAddr, bits: u8) -> u128 {
    let (value, width) = match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    value.checked_shr(width - u32::from(bits).min(width)).unwrap_or(0)
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| InvalidNetwork)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        if bits > width { Err(InvalidNetwork) } else { Ok(Self { address, bits }) }
    }
}

/// A text that is no [`Network`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidNetwork;

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a network is an address, or an address, a slash and a number of bits, as in 10.0.0.0/8")
    }
}

impl std::error::Error for InvalidNetwork {}

/// Where a request comes from. Whoever has an IPv6 address has all of its /64, so that counts as one. Requests of which
/// nothing is known share one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Source(Option<IpAddr>);

impl Source {
    /// Of a request that came by a router, which knows its peer if the server told it.
    pub(crate) fn of(parts: &Parts, proxies: &[Network]) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        Self::behind(peer, &parts.headers, proxies)
    }

    /// The peer, or, if that is one of our proxies, the last address it forwarded for that is none of them.
    pub(crate) fn behind(peer: Option<SocketAddr>, headers: &HeaderMap, proxies: &[Network]) -> Self {
        let peer = peer.map(|peer| peer.ip().to_canonical());
        let ours = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
        let Some(peer) = peer.filter(|peer| ours(*peer)) else { return Self(peer.map(widened)) };
        let mut nearest = peer;
        for line in headers.get_all(FORWARDED_FOR).iter().rev() {
            for address in line.to_str().unwrap_or_default().rsplit(',') {
                // What no proxy of ours can have written ends what is believed.
                let Ok(address) = address.trim().parse::<IpAddr>() else {
                    return Self(Some(widened(nearest)));
                };
                nearest = address.to_canonical();
                if !ours(nearest) {
                    return Self(Some(widened(nearest)));
                }
            }
        }
        Self(Some(widened(nearest)))
    }
}

fn widened(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn source(peer: &str, forwarded: &[&str]) -> Option<String> {
        let mut request =
            Request::builder().extension(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        for line in forwarded {
            request = request.header(FORWARDED_FOR, *line);
        }
        let proxies = ["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
        Source::of(&request.body(()).unwrap().into_parts().0, &proxies).0.map(|a| a.to_string())
    }

    // R12
    #[test]
    fn only_our_proxies_are_believed() {
        for (peer, forwarded, found) in [
            ("192.0.2.1", vec!["198.51.100.7"], "192.0.2.1"),
            ("10.0.0.1", vec![], "10.0.0.1"),
            ("10.0.0.1", vec!["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", vec!["1.1.1.1, 198.51.100.7, 10.9.9.9"], "198.51.100.7"),
            ("10.0.0.1", vec!["1.1.1.1", "198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", vec!["198.51.100.7, nonsense"], "10.0.0.1"),
            ("::ffff:10.0.0.1", vec!["198.51.100.7"], "198.51.100.7"),
            ("::1", vec!["2001:db8::1:2:3:4"], "2001:db8::"),
            ("2001:db8:0:1:a::", vec!["198.51.100.7"], "2001:db8:0:1::"),
        ] {
            assert_eq!(source(peer, &forwarded).as_deref(), Some(found), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn networks_read() {
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/", "example.test", "10.0.0.0/-1"] {
            assert_eq!(bad.parse::<Network>(), Err(InvalidNetwork), "{bad}");
        }
        let contains = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().contains(address.parse().unwrap())
        };
        assert!(contains("0.0.0.0/0", "1.2.3.4") && !contains("0.0.0.0/0", "::1"));
        assert!(
            contains("::/0", "fd00::1") && contains("fd00::/8", "fdff::") && !contains("fd00::/8", "fe00::")
        );
        assert!(contains("127.0.0.1", "127.0.0.1") && !contains("127.0.0.1", "127.0.0.2"));
    }
}
