//! Amazon S3: the few calls that records in a bucket need.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>

mod address;
mod call;

use std::cell::RefCell;
use std::rc::Rc;

use aws_config::SdkConfig;
use aws_sdk_kms::error::SdkError;
use serde::Deserialize;

use self::address::Address;
use self::call::{Operation, Request};
use super::Aws;
use super::ec2_client::{QueryError, Service};
use super::errors::Call;
use crate::cloud::{CloudError, CloudErrorKind, RETRIED};
use crate::escape::Escaped;

const S3: Service = Service { id: "S3", prefix: "s3" };

/// More pages than a fleet's records have: a thousand names each.
const MOST_PAGES: usize = 10_000;

/// A bucket, or what is under a prefix in it, with the default credentials.
#[derive(Debug, Clone)]
pub struct Bucket {
    shared: Rc<Shared>,
    /// Empty, or with a slash at its end.
    prefix: String,
}

#[derive(Debug)]
struct Shared {
    config: SdkConfig,
    name: String,
    /// The bucket where it was found to be, once it is needed.
    reached: RefCell<Option<Reached>>,
}

#[derive(Debug, Clone)]
struct Reached {
    region: String,
    address: Address,
    operation: Operation,
}

/// What became of an object that nobody may have made before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It says now what it was to say.
    New,
    /// Somebody made it before.
    There,
}

impl Aws {
    /// What is under a prefix in a bucket. No call is made yet.
    pub fn bucket(&self, name: &str, prefix: &str) -> Bucket {
        let config = self.sessions.default_session().apart();
        let shared = Shared { config, name: name.to_owned(), reached: RefCell::default() };
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Bucket { shared: Rc::new(shared), prefix }
    }
}

impl Bucket {
    /// What is further down.
    #[must_use]
    pub fn at(&self, below: &str) -> Self {
        Self { shared: Rc::clone(&self.shared), prefix: format!("{}{below}/", self.prefix) }
    }

    /// An object's address, or with no name its own.
    pub fn address(&self, name: &str) -> String {
        let address = format!("s3://{}/{}{name}", self.shared.name, self.prefix);
        address.strip_suffix('/').map_or(address.clone(), str::to_owned)
    }

    /// What an object says (s3:GetObject); none where there is no such object.
    ///
    /// # Errors
    /// It can't be read. Whoever may not list the bucket is not told that an object is not there.
    pub async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, CloudError> {
        match self.call("s3:GetObject", self.request("GET", name)).await {
            Ok(body) => Ok(Some(body)),
            Err(error) if error.code.as_deref() == Some("NoSuchKey") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes an object that nobody made before (s3:PutObject). What an attempt made whose answer was lost is this one's own.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
    ///
    /// # Errors
    /// It can't be written.
    pub async fn make(&self, name: &str, text: &str) -> Result<Made, CloudError> {
        let request = Request { is_once: true, body: text.to_owned(), ..self.request("PUT", name) };
        match self.call("s3:PutObject", request).await {
            Ok(_) => Ok(Made::New),
            Err(error) if error.kind == CloudErrorKind::AlreadyExists => {
                let there = self.read(name).await?;
                Ok(if there.as_deref() == Some(text.as_bytes()) { Made::New } else { Made::There })
            }
            Err(error) => Err(error),
        }
    }

    /// Writes an object, in the place of the one that is there (s3:PutObject).
    ///
    /// # Errors
    /// It can't be written.
    pub async fn write(&self, name: &str, text: &str) -> Result<(), CloudError> {
        let request = Request { body: text.to_owned(), ..self.request("PUT", name) };
        self.call("s3:PutObject", request).await.map(drop)
    }

    /// The names of the objects here and further down, in the order of their bytes (s3:ListBucket).
    ///
    /// # Errors
    /// They can't be listed.
    pub async fn names(&self) -> Result<Vec<String>, CloudError> {
        let (mut names, mut token) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let mut query = vec![("list-type", "2".to_owned()), ("prefix", self.prefix.clone())];
            query.extend(token.take().map(|token| ("continuation-token", token)));
            let request = Request { query, key: None, ..self.request("GET", "") };
            let body = self.call("s3:ListBucket", request).await?;
            let page = page(&body).map_err(|what| self.told("s3:ListBucket", "", None).unexpected(what))?;
            let own = page.contents.into_iter().map(|object| object.key);
            names.extend(own.filter_map(|key| key.strip_prefix(&self.prefix).map(str::to_owned)));
            match page.next_continuation_token.filter(|_| page.is_truncated) {
                Some(next) => token = Some(next),
                None => return Ok(names),
            }
        }
        Err(self.told("s3:ListBucket", "", None).unexpected("a list without an end"))
    }

    fn request(&self, method: &'static str, name: &str) -> Request {
        let key = Some(format!("{}{name}", self.prefix));
        Request { method, bucket: None, key, query: Vec::new(), is_once: false, body: String::new() }
    }

    async fn call(&self, operation: &'static str, request: Request) -> Result<Vec<u8>, CloudError> {
        let name = request.key.clone().unwrap_or_default();
        let name = name.strip_prefix(&self.prefix).unwrap_or_default().to_owned();
        let begun = self
            .shared
            .reached(None)
            .await
            .map_err(|what| self.told(operation, &name, None).error(CloudErrorKind::Other, what))?;
        let error = match begun.ask(request.clone()).await {
            Ok(body) => return Ok(body),
            Err(error) => error,
        };
        let Some(home) = home(&error).filter(|home| *home != begun.region) else {
            return Err(self.failed(operation, &name, &begun, &error));
        };
        let bucket = &self.shared.name;
        tracing::info!(
            target: RETRIED,
            "{}",
            Escaped(&format!("the bucket {bucket} is in {home}, not in {}: it is asked there", begun.region))
        );
        let moved = self
            .shared
            .reached(Some(home))
            .await
            .map_err(|what| self.told(operation, &name, None).error(CloudErrorKind::Other, what))?;
        moved.ask(request).await.map_err(|error| self.failed(operation, &name, &moved, &error))
    }

    fn told(&self, operation: &'static str, name: &str, region: Option<String>) -> Call {
        Call { operation, resource: self.address(name), account: None, region }
    }

    fn failed(
        &self,
        operation: &'static str,
        name: &str,
        by: &Reached,
        error: &SdkError<QueryError>,
    ) -> CloudError {
        let failed = self.told(operation, name, Some(by.region.clone())).failed(error);
        let own_id = error.as_service_error().and_then(QueryError::request_id).map(str::to_owned);
        CloudError { request_id: failed.request_id.clone().or(own_id), ..failed }
    }
}

impl Shared {
    /// The bucket where it was found to be, or in the region that is told now.
    async fn reached(&self, region: Option<String>) -> Result<Reached, String> {
        if region.is_none()
            && let Some(reached) = &*self.reached.borrow()
        {
            return Ok(reached.clone());
        }
        let configured = || self.config.region().map(ToString::to_string).unwrap_or_default();
        let region = region.unwrap_or_else(configured);
        let address = Address::of(&self.config, &self.name, &region).await?;
        let operation = call::operation(&self.config, &region, &address.endpoint);
        let reached = Reached { region, address, operation };
        self.reached.replace(Some(reached.clone()));
        Ok(reached)
    }
}

impl Reached {
    async fn ask(&self, request: Request) -> Result<Vec<u8>, SdkError<QueryError>> {
        let bucket = self.address.bucket_in_path.clone();
        // On the heap, so that whoever waits for it is small.
        Box::pin(self.operation.invoke(Request { bucket, ..request })).await
    }
}

/// The region that a bucket is in, where S3 answers that it is in another one than was asked.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>
fn home(error: &SdkError<QueryError>) -> Option<String> {
    let answer = error.raw_response().filter(|answer| matches!(answer.status().as_u16(), 301 | 307 | 400))?;
    let home = answer.headers().get("x-amz-bucket-region")?;
    let is_region = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (!home.is_empty() && home.len() < 64 && home.bytes().all(is_region)).then(|| home.to_owned())
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    is_truncated: bool,
    next_continuation_token: Option<String>,
    #[serde(default)]
    contents: Vec<Object>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Object {
    key: String,
}

fn page(body: &[u8]) -> Result<Page, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    quick_xml::de::from_str(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_names() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                    <Name>b</Name><Prefix>p/</Prefix><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated>\
                    <NextContinuationToken>1u/eR+4=</NextContinuationToken><Contents><Key>p/a&amp;b</Key><Size>1</Size></Contents>\
                    <Contents><Key>p/c</Key></Contents></ListBucketResult>";
        let page = page(text.as_bytes()).unwrap();
        let names: Vec<&str> = page.contents.iter().map(|object| object.key.as_str()).collect();
        assert_eq!((names, page.is_truncated), (vec!["p/a&b", "p/c"], true));
        assert_eq!(page.next_continuation_token.as_deref(), Some("1u/eR+4="));
        let empty = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
        assert!(super::page(empty).unwrap().contents.is_empty());
        assert!(super::page(b"<html>").is_err());
        assert!(
            super::page(b"<ListBucketResult></ListBucketResult>").is_err(),
            "whether it goes on is not told"
        );
    }
}
