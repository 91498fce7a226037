// Package rest is the REST interface of Bitcoin Core (doc/REST-interface.md,
// src/rest.cpp) without its transport: it maps the target of an HTTP request to a
// command, and what that command returns, or its error, to the answer.
//
//	endpoint, ok := rest.Find("/rest/headers/<hash>.hex?count=5")
//	query, refusal := endpoint.Parse(body)
//	... carry out query.Command with query.Params ...
//	io.Copy(w, query.Body(result))
//
// An answer is .bin, .hex or .json. A result is never taken in whole unless it is known
// to be small: the bytes of a block pass as they come. Nothing is looked up, so nothing
// here waits, and a request costs no more memory than its own length.
package rest
