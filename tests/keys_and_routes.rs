//! Keys and routes against a plain model of what JavaScript's unstorage does with strings.

use proptest::{collection::vec, prelude::*, sample::select};
use rustorage::{
    key::{Key, KeyPrefix, from_utf16, normalize, to_utf16, utf16_len},
    router::Router,
};

/// Few letters and many separators, so that odd shapes are common.
fn raw() -> impl Strategy<Value = String> {
    vec(select(vec!["a", "b", "cc", ":", ":", "/", "\\", "?", ".", "..", "$", "é", "😀", " ", "\n"]), 0..12)
        .prop_map(|parts| parts.concat())
}

/// The key as a sequence of rewriting rules has it.
fn model(raw: &str) -> String {
    let path = raw.split('?').next().unwrap_or_default();
    path.split([':', '/', '\\']).filter(|segment| !segment.is_empty()).collect::<Vec<_>>().join(":")
}

fn has_dots(key: &str) -> bool {
    key.split(':').any(|segment| segment == "." || segment == "..")
}

proptest! {
    #[test]
    fn normalising_is_the_models(raw in raw()) {
        let key = normalize(raw.as_bytes());
        prop_assert_eq!(std::str::from_utf8(&key).unwrap(), model(&raw));
        prop_assert_eq!(normalize(&key), key.clone());
    }

    #[test]
    fn valid_keys_are_the_models(raw in raw()) {
        let expected = model(&raw);
        let key = Key::parse(raw.as_bytes());
        prop_assert_eq!(key.is_ok(), !expected.is_empty() && !has_dots(&expected));
        if let Ok(key) = key {
            prop_assert_eq!(key.as_bytes(), expected.as_bytes());
            prop_assert_eq!(key.is_borrowed(), expected == raw);
        }
        let prefix = KeyPrefix::parse(raw.as_bytes());
        prop_assert_eq!(prefix.is_ok(), !has_dots(&expected));
        if let Ok(prefix) = prefix {
            let base = if expected.is_empty() { expected } else { expected + ":" };
            prop_assert_eq!(prefix.as_bytes(), base.as_bytes());
        }
    }

    #[test]
    fn every_javascript_string_comes_back(units in vec(any::<u16>(), 0..64)) {
        let mut bytes = Vec::new();
        from_utf16(&units, &mut bytes);
        prop_assert_eq!(to_utf16(&bytes), units.clone());
        prop_assert_eq!(utf16_len(&bytes), units.len());
        if let Ok(text) = String::from_utf16(&units) {
            prop_assert_eq!(bytes, text.into_bytes());
        }
    }

    #[test]
    fn routes_and_plans_are_the_models(
        steps in vec((raw(), any::<bool>()), 0..12),
        keys in vec(raw(), 0..12),
        parents in any::<bool>(),
    ) {
        let mut router = Router::default();
        let mut mounts: Vec<(String, u32)> = Vec::new();
        for (base, mounts_it) in std::iter::once((String::new(), true)).chain(steps) {
            let Ok(prefix) = KeyPrefix::parse(base.as_bytes()) else { continue };
            let base = String::from_utf8(prefix.as_bytes().into()).unwrap();
            let known = mounts.iter().position(|(known, _)| *known == base);
            if mounts_it {
                let mounted = router.mount(prefix, ());
                prop_assert_eq!(mounted.is_ok(), known.is_none() || base.is_empty());
                if let Ok(id) = mounted {
                    mounts.retain(|(known, _)| *known != base);
                    mounts.push((base, id));
                }
            } else {
                let removed = router.unmount(&prefix).map(|mount| mount.id);
                let expected = known.filter(|_| !base.is_empty()).map(|place| mounts.remove(place).1);
                prop_assert_eq!(removed, expected);
            }
        }
        // What was mounted first stands first among points of one length.
        mounts.sort_by_key(|(base, _)| std::cmp::Reverse(base.encode_utf16().count()));
        for raw in keys {
            let base = model(&raw);
            let plan: Vec<u32> = router.plan(base.as_bytes(), parents).map(|mount| mount.id).collect();
            let planned = mounts.iter().filter(|(known, _)| {
                known.starts_with(&base) || parents && base.starts_with(known.as_str())
            });
            prop_assert_eq!(plan, planned.map(|&(_, id)| id).collect::<Vec<_>>());
            if let Ok(key) = Key::parse(raw.as_bytes()) {
                let routed = router.route(&key).unwrap().id;
                let expected = mounts.iter().find(|(known, _)| base.starts_with(known.as_str())).unwrap();
                prop_assert_eq!(routed, expected.1);
            }
        }
    }
}
