//! What carries every call: connections that are kept, reads a few at a time and each in its turn.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::pace::Pace;
use super::trust;
use super::waits::{self, Attempt, Waits};
use crate::arn::AccountId;

/// Reads on their way at the same time. Each needs a connection, which is a file: with those of the writes, and with what
/// is kept for a moment, that stays below the 256 that macOS lets a program open.
const READS: usize = 80;

/// Connections to one host that are kept for the next calls. Far fewer than there are reads, and most would be opened
/// anew; but whoever asks many regions talks to many hosts, so they are not kept for long.
const KEPT: usize = 64;
const KEPT_FOR: Duration = Duration::from_secs(5);

/// Connections, one kind for each setting of time-outs, as the SDK's own client has them.
#[derive(Debug)]
pub(super) struct Connections {
    tls: TlsContext,
    kinds: Mutex<Vec<(Times, SharedHttpConnector)>>,
}

/// To connect, and to the first byte of an answer.
type Times = (Option<Duration>, Option<Duration>);

impl Connections {
    pub(super) fn new(tls: TlsContext) -> Self {
        Self { tls, kinds: Mutex::default() }
    }

    fn connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> Connector {
        let mut builder = ConnectorBuilder::default()
            .connector_settings(settings.clone())
            .pool_max_idle_per_host(KEPT)
            .pool_idle_timeout(KEPT_FOR)
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(self.tls.clone());
        builder.set_sleep_impl(components.sleep_impl());
        builder.build()
    }
}

impl HttpClient for Connections {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let times = (settings.connect_timeout(), settings.read_timeout());
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, connector)) = kinds.iter().find(|(of, _)| *of == times) {
            return connector.clone();
        }
        let connector = SharedHttpConnector::new(self.connector(settings, components));
        kinds.push((times, connector.clone()));
        connector
    }
}

/// What all reads of a run share.
#[derive(Debug, Clone)]
pub(super) struct Reads {
    places: Arc<Semaphore>,
    pace: Arc<Pace>,
    waits: Arc<Waits>,
}

impl Reads {
    /// In turns that may be shared with whatever else counts against the same quotas.
    pub(super) fn new(pace: Arc<Pace>) -> Self {
        Self { places: Arc::new(Semaphore::new(READS)), pace, waits: Arc::default() }
    }
}

/// How the calls of one set of credentials are carried: reads in their turn, writes at once.
#[derive(Debug, Clone)]
pub(super) struct Carriage {
    connections: SharedHttpClient,
    reads: Reads,
    /// Whose quotas the calls count against, once that is known.
    account: Arc<OnceLock<AccountId>>,
}

impl Carriage {
    pub(super) fn new(connections: SharedHttpClient, reads: Reads) -> Self {
        Self { connections, reads, account: Arc::default() }
    }

    /// The same for other credentials.
    pub(super) fn of_others(&self) -> Self {
        Self::new(self.connections.clone(), self.reads.clone())
    }

    /// The same connections for what waits behind no read.
    pub(super) fn apart(&self) -> Self {
        Self::new(self.connections.clone(), Reads::new(Arc::default()))
    }

    /// From now on, calls count for an account.
    pub(super) fn belongs_to(&self, account: AccountId) {
        self.account.get_or_init(|| account);
    }

    /// As the SDK's clients take it.
    pub(super) fn client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }
}

/// Marks a request as a write: nothing may come between a document's last read and its write, which took its turn
/// before.
#[derive(Debug, Clone, Copy)]
struct AtOnce;

/// Has a request carried at once, behind no read.
pub(super) fn at_once(request: &mut HttpRequest) {
    request.add_extension(AtOnce);
}

/// Sends a write at once, and once: whoever tries again has to read first. Every operation of the SDK has a builder type
/// of its own, and every service's crate its own settings.
macro_rules! send_once {
    ($service:ident, $call:expr, $request:expr) => {
        $request
            .customize()
            .config_override(
                $service::config::Config::builder()
                    .retry_config($service::config::retry::RetryConfig::disabled()),
            )
            .mutate_request($crate::cloud::aws::transport::at_once)
            .send()
            .await
            .map_err(|error| $call.failed(&error))
    };
}

pub(super) use send_once;

impl HttpClient for Carriage {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = self.connections.http_connector(settings, components);
        SharedHttpConnector::new(Reader {
            carriage: self.clone(),
            connector,
            patience: settings.read_timeout(),
        })
    }
}

/// Makes calls in their turn.
#[derive(Debug, Clone)]
struct Reader {
    carriage: Carriage,
    connector: SharedHttpConnector,
    /// How long the rest of an answer may take.
    patience: Option<Duration>,
}

impl Reader {
    async fn read(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let Carriage { reads, account, .. } = &self.carriage;
        let signed = signed(&request);
        let attempt = Attempt::of(&request, signed.as_ref().map(|(_, operation)| operation.as_str()));
        if let Some(attempt) = &attempt {
            reads.waits.begins(attempt);
        }
        if let Some((region, operation)) = &signed {
            reads.pace.turn(account.get().copied(), Some(region), operation).await;
        }
        let place = reads.places.acquire().await;
        let _place = place.map_err(|closed| ConnectorError::other(closed.into(), None))?;
        let begun = Instant::now();
        let answer = self.answer(request).await;
        if let (Some((region, operation)), Ok(answer)) = (&signed, &answer)
            && waits::is_throttled(answer)
        {
            reads.pace.throttled(account.get().copied(), Some(region), operation);
        }
        if let Some(attempt) = &attempt {
            reads.waits.ended(attempt, begun, &answer);
        }
        answer
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let answer = self.connector.call(request).await.map_err(trust::told)?;
        whole(answer, self.patience).await
    }
}

impl HttpConnector for Reader {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.extension::<AtOnce>().is_some() {
            return self.connector.call(request);
        }
        HttpConnectorFuture::new(self.clone().read(request))
    }
}

/// The answer when all of it has come, so that its connection is free again.
async fn whole(mut answer: HttpResponse, patience: Option<Duration>) -> Result<HttpResponse, ConnectorError> {
    let body = ByteStream::new(answer.take_body()).collect();
    let body = match patience {
        Some(patience) => {
            timeout(patience, body).await.map_err(|late| ConnectorError::timeout(late.into()))?
        }
        None => body.await,
    };
    let body = body.map_err(|error| ConnectorError::io(error.into()))?;
    *answer.body_mut() = SdkBody::from(body.into_bytes());
    Ok(answer)
}

/// In which Region a call is made, and which one it is, as its permission is named: from its signature and from where
/// the two protocols have it.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html>
fn signed(request: &HttpRequest) -> Option<(String, String)> {
    let scope = request.headers().get("authorization")?.split_once("Credential=")?.1.split(',').next()?;
    let mut parts = scope.split('/').skip(2);
    let (region, service) = (parts.next()?, parts.next()?);
    let target = request.headers().get("x-amz-target").and_then(|target| target.split_once('.'));
    let form = || std::str::from_utf8(request.body().bytes()?).ok()?.strip_prefix("Action=");
    let action = match target {
        Some((_, action)) => action,
        None if service == "s3" => match request.method() {
            "PUT" => "PutObject",
            _ if request.uri().contains("list-type=2") => "ListBucket",
            _ => "GetObject",
        },
        None => form()?.split('&').next()?,
    };
    Some((region.to_owned(), format!("{service}:{action}")))
}

#[cfg(test)]
mod tests;
