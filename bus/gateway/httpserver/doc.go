// Package httpserver speaks HTTP/1.0 and 1.1 by the rules of Bitcoin Core
// (src/httpserver.cpp), where net/http has others: the target of a request is any bytes
// without spaces and is not decoded; the request line and the headers may have 8192 bytes
// each, and what is wrong with them is answered with 400; a reason phrase, a content type
// and the time-out are its own. Handlers are those of net/http, with a Request of which
// RequestURI is filled in and URL is not.
//
// Stricter than Bitcoin Core are the end of a head and of a body, which must come within
// the time-out however they trickle in, and transfer codings that it does not know, which
// are refused: what follows them could be taken for another request.
//
// A body is read by its handler, so nobody who has not logged in makes the server keep
// one. Requests on one connection are answered one after another. The context of a request
// ends when its client leaves.
//
// Serve owns a goroutine for each of at most MaxConns connections, and one more while a
// handler runs; it has joined them when it returns.
package httpserver
