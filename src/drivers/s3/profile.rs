//! Keys in the files that AWS's own clients share:
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>

use std::{collections::HashMap, fs, path::PathBuf};

use super::credentials::Credentials;

/// The keys of the profile that the environment names. Blocks.
pub fn credentials(environment: &HashMap<String, String>) -> Option<Credentials> {
    let variable = |name: &str| environment.get(name).filter(|text| !text.is_empty());
    let profile = variable("AWS_PROFILE").map_or("default", String::as_str);
    let folder = variable("HOME").map(|home| PathBuf::from(home).join(".aws"));
    let file = |name: &str, usual: &str| {
        variable(name).map(PathBuf::from).or_else(|| folder.as_ref().map(|folder| folder.join(usual)))
    };
    let read = |path: Option<PathBuf>, section: &str| {
        let text = fs::read_to_string(path?).ok()?;
        from_section(&text, section)
    };
    let in_config = if profile == "default" { "default".to_owned() } else { format!("profile {profile}") };
    read(file("AWS_SHARED_CREDENTIALS_FILE", "credentials"), profile)
        .or_else(|| read(file("AWS_CONFIG_FILE", "config"), &in_config))
}

fn from_section(text: &str, section: &str) -> Option<Credentials> {
    let mut settings: HashMap<&str, &str> = HashMap::new();
    let mut inside = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(name) = trimmed.strip_prefix('[') {
            let name = name.split(']').next().unwrap_or_default();
            inside = name.split_whitespace().eq(section.split_whitespace());
        } else if inside
            // What is indented belongs to the setting before.
            && !line.starts_with(char::is_whitespace)
            && !trimmed.starts_with(['#', ';'])
            && let Some((name, value)) = trimmed.split_once('=')
        {
            settings.insert(name.trim_end(), value.trim_start());
        }
    }
    Some(Credentials {
        id: settings.get("aws_access_key_id")?.to_string(),
        secret: settings.get("aws_secret_access_key")?.to_string(),
        token: settings.get("aws_session_token").map(ToString::to_string),
        expires: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# shared\n[default]\naws_access_key_id = one\naws_secret_access_key=two=2\ns3 =\n  aws_access_key_id = nested\n\n\
                        [profile  work]\naws_access_key_id=three\naws_secret_access_key=four\naws_session_token = five\n[half]\naws_access_key_id=x\n";

    #[test]
    fn a_section_has_keys() {
        let keys = from_section(TEXT, "default").unwrap();
        assert_eq!((keys.id.as_str(), keys.secret.as_str(), keys.token), ("one", "two=2", None));
        let keys = from_section(TEXT, "profile work").unwrap();
        assert_eq!((keys.id.as_str(), keys.token.as_deref()), ("three", Some("five")));
        assert!(from_section(TEXT, "half").is_none() && from_section(TEXT, "none").is_none());
    }

    #[test]
    fn the_environment_says_which_file_and_which_profile() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".aws")).unwrap();
        fs::write(folder.path().join(".aws/config"), TEXT).unwrap();
        let home = folder.path().to_str().unwrap().to_owned();
        let mut environment = HashMap::from([("HOME".to_owned(), home)]);
        assert_eq!(credentials(&environment).unwrap().id, "one");
        environment.insert("AWS_PROFILE".into(), "work".into());
        assert_eq!(credentials(&environment).unwrap().id, "three");
        let other = folder.path().join("other");
        fs::write(&other, "[work]\naws_access_key_id=six\naws_secret_access_key=seven\n").unwrap();
        environment.insert("AWS_SHARED_CREDENTIALS_FILE".into(), other.to_str().unwrap().into());
        assert_eq!(credentials(&environment).unwrap().id, "six");
    }
}
