// Package docs holds the documents for users and developers, and a test that
// the links, paths and commands in them lead somewhere. It has no code.
package docs
