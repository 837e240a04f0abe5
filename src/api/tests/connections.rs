use super::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[tokio::test]
async fn the_end_does_not_wait_for_an_idle_connection() {
    let server = Server::start().await;
    let mut idle = TcpStream::connect(server.address).await.expect("it listens");
    server.get("/health").await;
    server.end().await;
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.expect("the connection was closed");
    assert!(rest.is_empty());
}

#[tokio::test]
async fn what_is_no_http_costs_only_its_own_connection() {
    let server = Server::start().await;
    for nonsense in [
        "\0\x01\x02\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\n", "x".repeat(200_000)),
    ] {
        let mut stream = TcpStream::connect(server.address).await.expect("it listens");
        let _ = stream.write_all(nonsense.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_millis(500), stream.read_to_end(&mut answer)).await;
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(server.get("/health").await.status, StatusCode::OK);
    server.end().await;
}

#[tokio::test]
async fn a_request_for_an_absolute_address_of_somebody_else_is_refused() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.address).await.expect("it listens");
    let request =
        format!("GET http://evil.example/health HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address);
    stream.write_all(request.as_bytes()).await.expect("it takes the request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    server.end().await;
}

#[tokio::test]
async fn a_stream_ends_when_the_server_does() {
    let endless = page("/endless", |call| async move {
        let ending = call.api.ending.clone();
        let pieces = futures_util::stream::unfold(ending, |ending| async move {
            ending.cancelled().await;
            None::<(Result<bytes::Bytes, std::convert::Infallible>, _)>
        });
        Ok(Reply::stream("text/event-stream", pieces))
    });
    let server = Server::start_with(vec![endless]).await;
    let response = server.request(Method::GET, "/endless").send().await.expect("it begins");
    assert_eq!(response.status(), StatusCode::OK);
    server.end().await;
    assert_eq!(response.text().await.expect("it ended well"), "");
}
