# Stand-in for eclipse-mosquitto:2 where no registry is reachable.
FROM cortex-test/debian
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends mosquitto mosquitto-clients && rm -rf /var/lib/apt/lists/* \
  && mkdir -p /mosquitto/config /mosquitto/data && chown -R mosquitto:mosquitto /mosquitto
CMD ["mosquitto", "-c", "/mosquitto/config/mosquitto.conf"]
