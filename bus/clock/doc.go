// Package clock tells a part the time, real or mocked.
//
// Tests and the setmocktime RPC freeze the time that consensus and policy see;
// time-outs of sockets and calls between parts always run on real time and do
// not use a Clock. Sleep is for their pauses.
package clock
