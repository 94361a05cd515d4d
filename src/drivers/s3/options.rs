//! The options: unstorage's, and where they leave off, what AWS's own clients go by.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    bucket::Bucket,
    credentials::{Credentials, Provider},
    words,
};
use crate::http::{Address, Limits, Service};

#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct S3Options {
    /// The id of the access key. Without it and `secretAccessKey`, credentials come from where AWS's own clients look for them.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("x-secret" = true)))]
    access_key_id: Option<String>,
    /// The secret of the access key.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("x-secret" = true)))]
    secret_access_key: Option<String>,
    /// The token that belongs to a key for a limited time.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("x-secret" = true)))]
    session_token: Option<String>,
    /// The service's URL. By default `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, or AWS's in the region.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    endpoint: Option<String>,
    /// The region. By default `AWS_REGION` or `AWS_DEFAULT_REGION`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    region: Option<String>,
    /// The bucket's name.
    #[cfg_attr(feature = "schema", schemars(extend("x-required" = true)))]
    bucket: String,
    /// The bucket stands in the path, and not in front of the host's name.
    force_path_style: bool,
    /// clear removes a thousand objects by one request; otherwise each by its own.
    pub bulk_delete: bool,
    /// How long a request may take, and how often it is tried.
    limits: Option<Limits>,
    /// What the environment says, from JavaScript, which may have one for each thread.
    #[serde(rename = "rustorage:environment")]
    #[cfg_attr(feature = "schema", schemars(skip))]
    environment: HashMap<String, String>,
}

impl Default for S3Options {
    fn default() -> Self {
        Self {
            access_key_id: None,
            secret_access_key: None,
            session_token: None,
            endpoint: None,
            region: None,
            bucket: String::new(),
            force_path_style: true,
            bulk_delete: true,
            limits: None,
            environment: HashMap::new(),
        }
    }
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

impl S3Options {
    /// An error names the option.
    pub fn bucket(self) -> Result<Bucket, String> {
        let variable = |name: &&str| self.environment.get(*name).filter(|text| !text.is_empty());
        let of_environment = |names: &[&str]| names.iter().find_map(variable);
        if self.bucket.is_empty() {
            return Err("the option `bucket` is required".into());
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':');
        if !self.bucket.bytes().all(is_name) || self.bucket.bytes().all(|byte| byte == b'.') {
            return Err("the option `bucket` must be a bucket's name".into());
        }
        let region = filled(self.region)
            .or_else(|| of_environment(&["AWS_REGION", "AWS_DEFAULT_REGION"]).cloned())
            .ok_or("the option `region` is required, or AWS_REGION in the environment")?;
        let is_region = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !region.bytes().all(is_region) {
            return Err("the option `region` must be a region's name".into());
        }
        let endpoint = filled(self.endpoint)
            .or_else(|| of_environment(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]).cloned())
            .unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let address = Address::parse("endpoint", &endpoint)?;
        let address =
            if self.force_path_style { address.under(&self.bucket) } else { address.of_host(&self.bucket)? };
        let secrets: Vec<String> = [&self.access_key_id, &self.secret_access_key, &self.session_token]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        let token = filled(self.session_token);
        let provider = match (filled(self.access_key_id), filled(self.secret_access_key)) {
            (Some(id), Some(secret)) => Provider::Given(Credentials { id, secret, token, expires: None }),
            (None, None) if token.is_none() => Provider::of_environment(self.environment),
            (None, None) => {
                return Err("the option `sessionToken` belongs to `accessKeyId` and `secretAccessKey`".into());
            }
            _ => return Err("the options `accessKeyId` and `secretAccessKey` belong together".into()),
        };
        Ok(Bucket { address, region, provider, service: Service::new(self.limits, secrets, words) })
    }
}
